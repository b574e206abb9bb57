/**
 * Small faults that a source file could have: an operator that is another, a condition that is not asked, a statement
 * that is missing. The text is read as Biome formats it, with what are no statements of the program blanked out.
 */
import { stripTypeScriptTypes } from 'node:module';

export interface Mutant {
  readonly operator: string;
  /** In the source. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const swaps: readonly (readonly [text: string, other: string])[] = [
  [' < ', ' <= '],
  [' <= ', ' < '],
  [' > ', ' >= '],
  [' >= ', ' > '],
  [' === ', ' !== '],
  [' !== ', ' === '],
  [' && ', ' || '],
  [' || ', ' && '],
  [' + ', ' - '],
  [' - ', ' + '],
  [' * ', ' / '],
  [' += ', ' -= '],
  [' -= ', ' += '],
  ['++', '--'],
  ['--', '++'],
  ['Math.min(', 'Math.max('],
  ['Math.max(', 'Math.min('],
  ['continue;', 'break;'],
];

/** Comments, texts and regular expressions. */
const noCode =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:&|!?] *|\breturn )\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[dgimsuvy]*/g;

/** What begins as an expression does and is none, or is the log. */
const noExpression =
  /^(?:if|for|while|do|switch|case|default|else|const|let|class|function|async|import|export|try|throw|static|readonly|get|set|log\.)\b/;

/** All that compile, in the order of the text. */
export function mutantsOf(source: string): Mutant[] {
  const code = toCode(source);
  return [
    ...swapped(code),
    ...flags(code),
    ...conditions(code),
    ...branches(code),
    ...statements(code),
    ...bodies(code),
  ]
    .filter((mutant) => compiles(apply(source, mutant)))
    .sort((one, other) => one.start - other.start);
}

export function apply(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** The source at the same places, with blanks for types, comments and texts. */
function toCode(source: string): string {
  const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');
  return stripTypeScriptTypes(source).replaceAll(noCode, (text) =>
    text.startsWith('/') ? blank(text) : `'${blank(text.slice(2))}'`,
  );
}

function compiles(source: string): boolean {
  try {
    stripTypeScriptTypes(source);
    return true;
  } catch {
    return false;
  }
}

function* swapped(code: string): Generator<Mutant> {
  for (const [text, replacement] of swaps) {
    for (let at = code.indexOf(text); at !== -1; at = code.indexOf(text, at + 1)) {
      yield {
        operator: `${text.trim()} is ${replacement.trim()}`,
        start: at,
        end: at + text.length,
        replacement,
      };
    }
  }
}

function* flags(code: string): Generator<Mutant> {
  for (const { 0: text, index } of code.matchAll(/\b(?:true|false)\b|!(?=[\w(#])/g)) {
    const replacement = text === '!' ? '' : text === 'true' ? 'false' : 'true';
    yield {
      operator: `${text} is ${replacement || 'nothing'}`,
      start: index,
      end: index + text.length,
      replacement,
    };
  }
}

/** Each `if` is taken always, and never. */
function* conditions(code: string): Generator<Mutant> {
  for (const { index } of code.matchAll(/\bif \(/g)) {
    const open = index + 3;
    const close = closing(code, open);
    for (const value of ['true', 'false']) {
      yield { operator: `the condition is ${value}`, start: open + 1, end: close, replacement: value };
    }
  }
}

/** `a ? b : c` is `a ? c : b`. */
function* branches(code: string): Generator<Mutant> {
  for (const { 0: text, index } of code.matchAll(/\s\?\s/g)) {
    const first = index + text.length;
    let nested = 0;
    let colon = -1;
    let end = first;
    for (; end < code.length; end++) {
      const character = code[end]!;
      if ('([{'.includes(character)) end = closing(code, end);
      else if (')]};,'.includes(character)) break;
      else if (colon === -1 && /^\s\?\s/.test(code.slice(end, end + 3))) nested++;
      else if (colon === -1 && /^\s:\s/.test(code.slice(end, end + 3)) && nested-- === 0) colon = end;
    }
    if (colon === -1) continue;
    const [one, other] = [code.slice(first, colon), code.slice(colon + 3, end)];
    if (one.includes("'") || other.includes("'")) continue;
    yield { operator: 'the branches are swapped', start: first, end, replacement: `${other} : ${one}` };
  }
}

/** Each statement that is an expression, and each that only leaves, is missing. What is written to the log is not asked for. */
function* statements(code: string): Generator<Mutant> {
  const begin = /(?<=[;{}:)]\s*\n *|\belse )(?:void |await |delete |\+\+|--|[\w#$]|\[)/g;
  for (const { index } of code.matchAll(begin)) {
    const rest = code.slice(index);
    if (noExpression.test(rest)) continue;
    const end = endOfStatement(code, index);
    if (end === undefined) continue;
    if (/^(?:return|break|continue)\b/.test(rest) && !/^(?:return;|break;|continue;)/.test(rest)) continue;
    yield { operator: 'the statement is missing', start: index, end, replacement: ';' };
  }
}

/** Each function without a result does nothing. */
function* bodies(code: string): Generator<Mutant> {
  for (const { 0: text, index } of code.matchAll(/\)\s*\{\n/g)) {
    const open = index + text.length - 2;
    const close = closing(code, open);
    const head = code.slice(code.lastIndexOf('\n', index) + 1, index);
    const isFunction = /^(?:export )?(?:async )?function\b|^ {2}(?:static )?(?:async )?#?\w+\(/.test(head);
    if (!isFunction || /\breturn [^;]/.test(code.slice(open, close)) || head.includes('constructor'))
      continue;
    yield { operator: 'the function does nothing', start: open + 1, end: close, replacement: '' };
  }
}

/** Where the bracket that is opened at this place is closed. */
function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if ('([{'.includes(code[at]!)) depth++;
    else if (')]}'.includes(code[at]!) && --depth === 0) return at;
  }
  return code.length;
}

/** Nothing where it is not one: a label, a field of an object, or what is passed on. */
function endOfStatement(code: string, start: number): number | undefined {
  for (let at = start; at < code.length; at++) {
    const character = code[at]!;
    if ('([{'.includes(character)) at = closing(code, at);
    else if (character === ';') return at + 1;
    else if (')]}:,'.includes(character)) return undefined;
  }
  return undefined;
}
