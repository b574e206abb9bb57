/** Modules with structs and arrays, from WebAssembly text; wabt knows no form of it. */
import binaryen from 'binaryen';

export function fromObjectWat(text: string): Uint8Array<ArrayBuffer> {
  const module = binaryen.parseText(text);
  try {
    module.setFeatures(binaryen.Features.All);
    return new Uint8Array(module.emitBinary());
  } finally {
    module.dispose();
  }
}

/** What holds on to all that is made: `(call $keep (…))`. */
const kept = `(type $kept (struct (field (ref null $kept)) (field anyref))) (global $all (mut (ref null $kept)) (ref.null $kept))
  (func $keep (param anyref) (global.set $all (struct.new $kept (global.get $all) (local.get 0))))`;

/** Code that makes more and more, as the function of that name; types that it uses are `$bytes`, `$longs` and `$any`. */
export function greedyModule(code: string, exported = 'exec', more = ''): Uint8Array<ArrayBuffer> {
  return fromObjectWat(`(module ${more} ${kept}
    (type $bytes (array (mut i8))) (type $longs (array (mut i64))) (type $any (array (mut anyref)))
    (func (export "${exported}") ${code}))`);
}

export const forever = (code: string): string => `(loop $l ${code} (br $l))`;

/** Each makes objects without end, and keeps them. */
export const greedy = {
  'small structs': forever('(call $keep (ref.null any))'),
  'arrays of the most that there may be': forever(
    '(call $keep (array.new_default $longs (i32.const 1048576)))',
  ),
  'arrays of references to themselves': forever(
    '(global.set $all (struct.new $kept (global.get $all) (array.new $any (global.get $all) (i32.const 500000))))',
  ),
  'arrays of fixed elements': forever(
    `(call $keep (array.new_fixed $longs 2000 ${'(i64.const 1)'.repeat(2000)}))`,
  ),
  'a row of large arrays': `${'(call $keep (array.new_default $bytes (i32.const 8000000)))'.repeat(2000)}`,
} as const;
