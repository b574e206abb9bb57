import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { rewriteModule } from '../../src/wasm/rewrite.ts';
import { createRandom, type Random } from '../random.ts';
import { codeSection, fromSections, fromWat, section } from './fixtures.ts';

const memoryMaxPages = 65_536;
const seeds = 20;
const mutationsPerSeed = 2_000;

/** Valid modules that have, between them, all sections and many kinds of instructions. */
const originals: readonly Uint8Array<ArrayBuffer>[] = [
  fromWat(`(module $everything
    (type $t (func (param i32) (result i32)))
    (import "env" "f" (func $imported (type $t))) (import "env" "g" (global $host i32))
    (memory 1 3) (table $table 3 9 funcref) (tag $e (param i32))
    (global $count (mut i64) (i64.const 5)) (global $vector (mut v128) (v128.const i32x4 1 2 3 4))
    (export "memory" (memory 0)) (export "table" (table $table))
    (func $begin (global.set $count (i64.const 6))) (start $begin)
    (func $grow (export "grow") (type $t) (memory.grow (memory.grow (local.get 0))))
    (func $tail (type $t) (return_call $grow (local.get 0)))
    (func (export "all") (param $p i32) (result i32) (local $v v128) (local f64)
      (block $b (loop $l (br_table $b $l $b (local.get $p))))
      (local.set $v (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get $v) (global.get $vector)))
      (v128.store16_lane offset=4 3 (i32.const 0) (local.get $v))
      (drop (select (result funcref) (ref.func $tail) (ref.null func) (local.get $p)))
      (table.set $table (i32.const 1) (ref.func $grow))
      (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1))) (atomic.fence)
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d)
      (table.init $table $el (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $el)
      (try (do (throw $e (i32.const 1))) (catch $e (drop)))
      (call_indirect $table (type $t) (i32.trunc_sat_f64_s (f64.const 1.5)) (i32.const 1)))
    (elem $el funcref (ref.func $tail) (ref.null func)) (elem (i32.const 0) $grow $tail) (elem declare func $tail)
    (data $d "passive") (data (i32.const 16) "active"))`),
  fromWat('(module (memory 1) (memory 1 2) (func (result i32) i32.const 1 memory.grow 1))'),
  fromSections(
    section(1, [2, 0x4e, 2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0, 0x60, 0, 1, 0x69]),
    section(3, [2, 0, 2]),
    section(5, [1, 1, 1, 2]),
    section(13, [1, 0, 0]),
    section(6, [1, 0x63, 0, 1, 0xd2, 0, 0x0b]),
    section(7, [1, 1, 0x66, 0, 0]),
    codeSection(
      [0x02, 0x40, 0x1f, 0x40, 2, 0, 0, 0, 2, 0, 0x08, 0, 0x0b, 0x0b, 0x41, 1, 0x40, 0, 0x1a, 0x0b],
      [0xd0, 0x69, 0x0b],
    ),
  ),
];

function mutate(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const mutated = [...bytes];
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = 8 + random.below(mutated.length - 8);
    random.pick([
      () => mutated.splice(at, 1, random.below(256)),
      () => mutated.splice(at, 1, mutated[at]! ^ (1 << random.below(8))),
      () => mutated.splice(at, 1, (mutated[at]! + random.pick([1, 255])) & 0xff),
      () => mutated.splice(at, 1),
      () => mutated.splice(at, 0, random.below(256)),
      () => mutated.splice(at, random.below(8)),
    ])();
  }
  return Uint8Array.from(mutated);
}

test('the originals of the mutations are valid, and stay so', (t) => {
  for (const bytes of originals) {
    t.true(WebAssembly.validate(bytes));
    t.true(WebAssembly.validate(rewriteModule(bytes, { memoryMaxPages }).bytes));
  }
});

for (let seed = 1; seed <= seeds; seed++) {
  test(`rewriteModule() makes no mutated module valid or invalid (seed ${seed})`, (t) => {
    const random = createRandom(seed);
    let rewrites = 0;
    for (let left = mutationsPerSeed; left > 0; left--) {
      const bytes = mutate(random.pick(originals), random);
      const rewritten = rewriteUnlessRefused(bytes);
      if (rewritten === undefined) continue;
      rewrites++;
      const before = WebAssembly.validate(bytes);
      if (WebAssembly.validate(rewritten) !== before) {
        t.fail(`was ${before ? '' : 'in'}valid: ${Buffer.from(bytes).toString('hex')}`);
        return;
      }
    }
    t.true(rewrites > mutationsPerSeed / 20, `only ${rewrites} were rewritten`);
  });
}

/** Nothing when it is refused; whatever else is thrown than a FaasmError goes on. */
function rewriteUnlessRefused(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  try {
    inspectModule(bytes, { memoryMaxPages });
    return rewriteModule(bytes, { memoryMaxPages }).bytes;
  } catch (thrown) {
    if (thrown instanceof FaasmError) return undefined;
    throw thrown;
  }
}

test('rewriteModule() makes no module valid or invalid that was cut off anywhere', (t) => {
  for (const bytes of originals) {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      const rewritten = rewriteUnlessRefused(cut);
      if (rewritten !== undefined) t.is(WebAssembly.validate(rewritten), WebAssembly.validate(cut));
    }
  }
});

test('rewriteModule() makes no section of noise valid or invalid', (t) => {
  const random = createRandom(1);
  for (let left = 5_000; left > 0; left--) {
    const content = Array.from({ length: random.below(200) }, () => random.below(256));
    const bytes = fromSections(section(1 + random.below(13), content));
    const rewritten = rewriteUnlessRefused(bytes);
    if (rewritten !== undefined) t.is(WebAssembly.validate(rewritten), WebAssembly.validate(bytes));
  }
});
