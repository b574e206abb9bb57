import test from 'ava';
import { bodiesToTry, defaultCompileLimits } from '../../../src/faaslet/module/compile-limits.ts';
import { scanModule } from '../../../src/faaslet/module/scan.ts';
import { caughtCalls, fannedOut, nestedArms, nestedLoops, waysAndLocals } from './bodies.ts';
import { fromWat, refusal } from './fixtures.ts';

const limits = { ...defaultCompileLimits, compileMaxBytes: 256 * 2 ** 20 };
const judge = (bytes: Uint8Array): number[] => bodiesToTry(scanModule(bytes), limits);

const kinds = { waysAndLocals, nestedArms, caughtCalls, fannedOut } as const;

for (const [kind, make] of Object.entries(kinds)) {
  test(`bodiesToTry() takes few ways and locals as they are, has more tried, and refuses many: ${kind}`, (t) => {
    t.deepEqual(judge(make(300, 300)), []);
    t.deepEqual(judge(make(2000, 2000)), [0]);
    t.regex(
      refusal(() => judge(make(20_000, 20_000))),
      /^bad_module: .*function 0 has 20000 locals and \d+ branches in \d+ bytes.*split it/,
    );
  });
}

test('bodiesToTry() counts the locals that nobody sets', (t) => {
  t.deepEqual(judge(nestedLoops(2000, 20_000)), [0]);
  t.deepEqual(judge(nestedLoops(2000, 100)), []);
});

test('bodiesToTry() refuses loops that nest so deep that they are read for ever', (t) => {
  t.regex(
    refusal(() => judge(nestedLoops(100_000, 1))),
    /^bad_module: .*loops that nest too deep/,
  );
});

test('bodiesToTry() refuses a small body with more locals than it can use, which would be inlined', (t) => {
  const blocks = '(block (br_if 0 (local.get 0)))'.repeat(30);
  const body = (locals: number) => `(module (func ${'(local i32)'.repeat(locals)} ${blocks}))`;
  t.regex(
    refusal(() => judge(fromWat(body(40_000)))),
    /^bad_module: .*function 0 has 40000 locals.*more than so little code can use/,
  );
  t.deepEqual(judge(fromWat(body(100))), []);
});
