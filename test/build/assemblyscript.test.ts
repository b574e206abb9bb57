import test from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { exportsOf, importsOf } from './guest.ts';

test.after.always(() => stopToolchain());

const script = (text: string, path = 'demo/program.ts') => ({ path, text });

test.serial(
  'buildModule() makes a module of AssemblyScript that imports what it uses of the host',
  async (t) => {
    const { wasm, warnings } = await buildModule({
      sources: [
        script(`import { getInputText, setOutput } from "faasm";
        export function main(): i32 { setOutput("Hello " + getInputText()); return 0; }`),
      ],
    });
    t.is(warnings, '');
    t.true(exportsOf(wasm).includes('main'));
    t.deepEqual(
      importsOf(wasm)
        .filter((name) => name.startsWith('env.__faasm'))
        .sort(),
      ['env.__faasm_read_input', 'env.__faasm_write_output'],
    );
    t.false(importsOf(wasm).includes('env.abort'));
  },
);

test.serial('buildModule() compiles all of the AssemblyScript SDK', async (t) => {
  const { wasm } = await buildModule({
    sources: [
      script(`import * as faasm from "faasm";
        export function main(): i32 {
          const key = "key";
          faasm.lockStateWrite(key);
          faasm.writeState(key, faasm.readConfig("x") || "none");
          faasm.unlockStateWrite(key);
          faasm.lockStateRead(key);
          faasm.unlockStateRead(key);
          faasm.writeStateOffset(key, 8, 4, "part");
          faasm.appendState("log", faasm.readStateText(key) + faasm.toText(faasm.readStateOffset(key, 8, 4, 4)));
          faasm.readAppendedState("log", 8, 1);
          faasm.clearAppendedState("log");
          faasm.mapState(key, 8);
          faasm.mapStateOffset(key, 8, 4, 4);
          faasm.pushState(key);
          faasm.pushStatePartial(key);
          faasm.pullState(key, faasm.getStateSize(key));
          console.log(faasm.awaitCallOutput(faasm.chain("echo", "x")).text);
          return faasm.awaitCall(faasm.chain("echo", faasm.getInput())) + faasm.getInputSize();
        }`),
    ],
  });
  t.true(WebAssembly.validate(wasm));
});

const refused = test.macro(async (t, sources: { path: string; text: string }[], message: RegExp) => {
  const error = await t.throwsAsync<FaasmError>(buildModule({ sources }));
  t.is(error.code, 'bad_request');
  t.regex(error.message, message);
});
test.serial(
  'buildModule() shows where AssemblyScript is wrong',
  refused,
  [script('export function main(): i32 {\n  return missing;\n}')],
  /demo\/program\.ts:2:10: error AS2304: Cannot find name 'missing'\.\n +2 \| {3}return missing;\n +\| {10}\^~~~~~~/,
);
test.serial(
  'buildModule() wants something to run in AssemblyScript',
  refused,
  [script('export function other(): i32 { return 0; }')],
  /Nothing to run: `export function main\(\): i32`/,
);
test.serial(
  'buildModule() refuses a program of two languages',
  refused,
  [script('export {}'), { path: 'b.c', text: 'int main() { return 0; }' }],
  /a program has one language/,
);

test.serial('buildModule() makes a module of WebAssembly text', async (t) => {
  const text = '(module (func (export "exec") (result i32) (i32.const 0)))';
  const { wasm } = await buildModule({ sources: [{ path: 'a.wat', text }] });
  t.deepEqual(exportsOf(wasm), ['exec']);
});
test.serial(
  'buildModule() shows where WebAssembly text is wrong',
  refused,
  [{ path: 'a.wat', text: '(module\n  (func (i32.cnst 0)))' }],
  /a\.wat:2:\d+: error: /,
);
