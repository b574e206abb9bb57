import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { equivalents } from './equivalent.ts';
import { apply, mutantsOf } from './operators.ts';
import { planted } from './planted.ts';
import { pathsOf, rooms, root } from './rooms.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('every planted fault has its place, once, and tests that guard it', (t) => {
  for (const { file, text, replacement, guards, fault } of planted) {
    t.is(read(file).split(text).length, 2, `${fault}: ${file} has to have this text once: ${text}`);
    t.not(text, replacement, fault);
    for (const guard of guards) t.deepEqual(pathsOf([guard]), [guard], fault);
  }
});

test('every fault that is none is of a line that is there', (t) => {
  for (const { file, line, after } of equivalents) {
    const lines = read(file)
      .split('\n')
      .map((each) => each.trim());
    const found = lines.filter(
      (each, at) => each === line && (after === undefined || lines[at - 1] === after),
    );
    t.is(found.length, 1, `${file}: ${line}`);
  }
});

test('every room has files and tests that guard them', (t) => {
  for (const { files, guards } of rooms) {
    for (const pattern of [files, ...guards]) t.true(pathsOf([pattern]).length > 0, pattern);
  }
});

/** A function with this body, and what its mutants make of that. */
const makes = test.macro({
  title: (_, body: string) => `mutantsOf() of ${body}`,
  exec(t, body: string, expected: readonly string[]) {
    const source = `function run(a: number, b: number): number {\n  ${body}\n  return 7;\n}\n`;
    const made = mutantsOf(source).map((mutant) => apply(source, mutant).split('\n')[1]!.trim());
    t.deepEqual(made.sort(), [...expected].sort());
  },
});
test(makes, 'return a < b ? a : b;', ['return a <= b ? a : b;', 'return a < b ? b : a;']);
test(makes, "return /a < b/.test('a < b') ? 1 : 2; // a < b", [
  "return /a < b/.test('a < b') ? 2 : 1; // a < b",
]);
test(makes, 'if (a && !b) return a;', [
  'if (true) return a;',
  'if (false) return a;',
  'if (a || !b) return a;',
  'if (a && b) return a;',
]);
test(makes, 'a += Math.min(b, 1);', [';', 'a -= Math.min(b, 1);', 'a += Math.max(b, 1);']);
test(makes, 'const f = <T extends { a: boolean }>(g: T): boolean => g.a === true;', [
  'const f = <T extends { a: boolean }>(g: T): boolean => g.a !== true;',
  'const f = <T extends { a: boolean }>(g: T): boolean => g.a === false;',
]);
