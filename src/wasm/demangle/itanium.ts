/** C++'s names, as the Itanium ABI has them: `_ZNSt3__16vectorIiE9push_backEOi`. Expressions in them are not read. */
import { MangledText, UnknownMangling, unlessUnknown } from './mangled-text.ts';

const builtins: Readonly<Record<string, string>> = {
  v: 'void',
  w: 'wchar_t',
  b: 'bool',
  c: 'char',
  a: 'signed char',
  h: 'unsigned char',
  s: 'short',
  t: 'unsigned short',
  i: 'int',
  j: 'unsigned int',
  l: 'long',
  m: 'unsigned long',
  x: 'long long',
  y: 'unsigned long long',
  n: '__int128',
  o: 'unsigned __int128',
  f: 'float',
  d: 'double',
  e: 'long double',
  g: '__float128',
  z: '...',
  Dn: 'std::nullptr_t',
  Da: 'auto',
  Di: 'char32_t',
  Ds: 'char16_t',
  Du: 'char8_t',
};

const abbreviations: Readonly<Record<string, string>> = {
  St: 'std',
  Sa: 'std::allocator',
  Sb: 'std::basic_string',
  Ss: 'std::string',
  Si: 'std::istream',
  So: 'std::ostream',
  Sd: 'std::iostream',
};

const operators: Readonly<Record<string, string>> = {
  nw: ' new',
  na: ' new[]',
  dl: ' delete',
  da: ' delete[]',
  ps: '+',
  ng: '-',
  ad: '&',
  de: '*',
  co: '~',
  pl: '+',
  mi: '-',
  ml: '*',
  dv: '/',
  rm: '%',
  an: '&',
  or: '|',
  eo: '^',
  aS: '=',
  pL: '+=',
  mI: '-=',
  mL: '*=',
  dV: '/=',
  rM: '%=',
  aN: '&=',
  oR: '|=',
  eO: '^=',
  ls: '<<',
  rs: '>>',
  lS: '<<=',
  rS: '>>=',
  eq: '==',
  ne: '!=',
  lt: '<',
  gt: '>',
  le: '<=',
  ge: '>=',
  ss: '<=>',
  nt: '!',
  aa: '&&',
  oo: '||',
  pp: '++',
  mm: '--',
  cm: ',',
  pm: '->*',
  pt: '->',
  cl: '()',
  ix: '[]',
};

const qualifiers: Readonly<Record<string, string>> = { r: ' restrict', V: ' volatile', K: ' const' };
const references: Readonly<Record<string, string>> = { R: '&', O: '&&', P: '*' };

/** A type, around what is declared with it: `int (` and `)(char)`. */
interface Type {
  readonly left: string;
  readonly right: string;
}

const depthMax = 100;
/** A name may refer to its parts, so it can be far longer than it is written. */
const shownMaxLength = 4096;

/** Nothing where it is not understood. */
export function demangleItanium(mangled: string): string | undefined {
  return unlessUnknown(() => new ItaniumName(mangled).encoding());
}

class ItaniumName {
  readonly #text: MangledText;
  /** What `S_` and the like stand for, by number. */
  readonly #substitutions: Type[] = [];
  /** Of the innermost name that had some. */
  #templateArguments: readonly string[] = [];
  /** The last name read was of a template, and no constructor: the type of its result follows. */
  #hasResult = false;
  /** The last part of a name was a constructor, a destructor or a conversion. */
  #isConstructor = false;
  #depth = 0;

  constructor(mangled: string) {
    this.#text = new MangledText(mangled, 2);
  }

  encoding(): string {
    const text = this.#text;
    if (text.match(/Thn?\d+_|Tvn?\d+_n?\d+_/y) !== undefined) return `thunk to ${this.encoding()}`;
    const { name, suffix } = this.#name();
    if (text.isAtEnd || /[E.]/.test(text.peek())) return name;
    const result = this.#hasResult ? this.#type() : undefined;
    const parameters: string[] = [];
    while (!text.isAtEnd && !/[E.]/.test(text.peek())) parameters.push(shown(this.#type()));
    const list = parameters.length === 1 && parameters[0] === 'void' ? '' : parameters.join(', ');
    const declared = `${name}(${list})${suffix}`;
    return result === undefined ? declared : within(result, ` ${declared}`);
  }

  /** @returns with what stands behind the parameters of a member function */
  #name(): { name: string; suffix: string } {
    const text = this.#text;
    if (text.skip('N')) return this.#nested();
    if (text.skip('Z')) {
      const outer = this.encoding();
      text.expect('E');
      text.match(/d\d*_/y);
      if (text.skip('s')) return { name: `${outer}::string literal`, suffix: '' };
      const { name, suffix } = this.#name();
      text.match(/__\d+_|_\d/y);
      return { name: `${outer}::${name}`, suffix };
    }
    this.#hasResult = false;
    if (text.peek() === 'S' && text.peek(2) !== 'St')
      return { name: this.#withArguments(this.#substitution()), suffix: '' };
    const prefix = text.skip('St') ? 'std::' : '';
    const name = prefix + this.#unqualified('');
    if (text.peek() !== 'I') return { name, suffix: '' };
    this.#add({ left: name, right: '' });
    return { name: this.#withArguments({ left: name, right: '' }), suffix: '' };
  }

  #nested(): { name: string; suffix: string } {
    const text = this.#text;
    let suffix = '';
    while (/[rVK]/.test(text.peek())) suffix = qualifiers[text.next()]! + suffix;
    const reference = text.match(/[RO]/y);
    if (reference !== undefined) suffix += ` ${references[reference]}`;
    let name = '';
    let added = false;
    this.#hasResult = false;
    while (!text.skip('E')) {
      const first = text.peek();
      if (first === 'S' && text.peek(2) !== 'St') {
        name = shown(this.#substitution());
        added = false;
        continue;
      }
      if (text.skip('St')) {
        name = 'std';
        added = false;
        continue;
      }
      const isMember = name !== '';
      if (first === 'T') name = shown(this.#templateParameter());
      else if (first === 'I') name = beforeArguments(name) + this.#arguments();
      else {
        const own = this.#unqualified(name);
        name = isMember ? `${name}::${own}` : own;
      }
      this.#hasResult = first === 'I' && !this.#isConstructor;
      this.#add({ left: name, right: '' });
      added = true;
    }
    if (added) this.#substitutions.pop();
    return { name, suffix };
  }

  /** @param outer the name of the class, which a constructor has too */
  #unqualified(outer: string): string {
    const text = this.#text;
    this.#isConstructor = false;
    text.skip('L');
    const length = text.match(/[1-9]\d*/y);
    let name: string;
    if (length !== undefined) {
      name = text.take(Number(length));
      if (name.startsWith('_GLOBAL__N')) name = '(anonymous namespace)';
    } else if (text.match(/C[1-5]/y) !== undefined) {
      this.#isConstructor = true;
      name = lastOf(outer);
    } else if (text.match(/D[0-5]/y) !== undefined) {
      this.#isConstructor = true;
      name = `~${lastOf(outer)}`;
    } else if (text.skip('Ul')) {
      const parameters: string[] = [];
      while (!text.skip('E')) parameters.push(shown(this.#type()));
      const list = parameters.length === 1 && parameters[0] === 'void' ? '' : parameters.join(', ');
      name = `{lambda(${list})#${this.#number()}}`;
    } else if (text.skip('Ut')) name = `{unnamed type#${this.#number()}}`;
    else if (text.skip('cv')) {
      this.#isConstructor = true;
      name = `operator ${shown(this.#type())}`;
    } else if (text.skip('li')) name = `operator"" ${this.#unqualified('')}`;
    else {
      const operator = operators[text.peek(2)];
      if (operator === undefined) throw new UnknownMangling();
      text.take(2);
      name = `operator${operator}`;
    }
    while (text.skip('B')) name += `[abi:${this.#unqualified('')}]`;
    return name;
  }

  /** Of a lambda: `_` is the first, `0_` the second. */
  #number(): number {
    const digits = this.#text.match(/\d*_/y);
    if (digits === undefined) throw new UnknownMangling();
    return digits === '_' ? 1 : Number(digits.slice(0, -1)) + 2;
  }

  #withArguments(template: Type): string {
    if (this.#text.peek() !== 'I') return shown(template);
    const name = beforeArguments(shown(template)) + this.#arguments();
    this.#hasResult = !this.#isConstructor;
    return name;
  }

  #arguments(): string {
    this.#text.expect('I');
    const wasConstructor = this.#isConstructor;
    const list: string[] = [];
    while (!this.#text.skip('E')) list.push(this.#argument());
    this.#templateArguments = list;
    this.#isConstructor = wasConstructor;
    return `<${list.filter((text) => text !== '').join(', ')}>`;
  }

  #argument(): string {
    const text = this.#text;
    if (text.skip('J')) {
      const list: string[] = [];
      while (!text.skip('E')) list.push(this.#argument());
      return list.join(', ');
    }
    if (!text.skip('L')) return shown(this.#type());
    if (text.skip('_Z')) {
      const name = this.encoding();
      text.expect('E');
      return name;
    }
    const type = shown(this.#type());
    const value = text.match(/n?\d*E/y);
    if (value === undefined) throw new UnknownMangling();
    const number = value.slice(0, -1).replace('n', '-');
    if (type === 'bool') return number === '0' ? 'false' : 'true';
    return type === 'int' ? number : `(${type})${number}`;
  }

  #type(): Type {
    if (++this.#depth > depthMax) throw new UnknownMangling();
    const type = this.#anyType();
    this.#depth--;
    return type;
  }

  #anyType(): Type {
    const text = this.#text;
    const code = text.peek() === 'D' ? text.peek(2) : text.peek();
    const builtin = builtins[code];
    if (builtin !== undefined) {
      text.take(code.length);
      return { left: builtin, right: '' };
    }
    if (text.skip('Dp')) return this.#type();
    const tag = text.peek();
    if (tag === 'S' && text.peek(2) !== 'St') {
      const found = this.#substitution();
      return text.peek() === 'I' ? this.#add({ left: shown(found) + this.#arguments(), right: '' }) : found;
    }
    if (tag === 'T') {
      const found = this.#add(this.#templateParameter());
      return text.peek() === 'I' ? this.#add({ left: shown(found) + this.#arguments(), right: '' }) : found;
    }
    if (tag === 'N' || tag === 'Z' || tag === 'S' || /\d/.test(tag)) {
      const hadResult = this.#hasResult;
      const { name } = this.#name();
      this.#hasResult = hadResult;
      return this.#add({ left: name, right: '' });
    }
    return this.#add(this.#compoundType(text.next()));
  }

  #compoundType(tag: string): Type {
    const text = this.#text;
    if (tag in references) {
      const { left, right } = this.#type();
      // A reference to a reference is one.
      if (tag !== 'P' && left.endsWith('&') && right === '')
        return { left: tag === 'R' ? left.replace(/&+$/, '&') : left, right };
      return right === ''
        ? { left: left + references[tag], right }
        : {
            left: `${left}${left.endsWith('*') || left.endsWith('&') ? '' : '('}${references[tag]}`,
            right: right.startsWith(')') ? right : `)${right}`,
          };
    }
    if (tag in qualifiers) {
      const { left, right } = this.#type();
      return { left: left + qualifiers[tag], right };
    }
    if (tag === 'F') {
      text.skip('Y');
      const result = shown(this.#type());
      const parameters: string[] = [];
      while (!text.skip('E')) parameters.push(shown(this.#type()));
      const list = parameters.length === 1 && parameters[0] === 'void' ? '' : parameters.join(', ');
      return { left: `${result} `, right: `(${list})` };
    }
    if (tag === 'A') {
      const length = text.match(/\d*_/y);
      if (length === undefined) throw new UnknownMangling();
      const { left, right } = this.#type();
      return { left: `${left} `, right: `[${length.slice(0, -1)}]${right}` };
    }
    if (tag === 'M') {
      const owner = shown(this.#type());
      const { left, right } = this.#type();
      return right === ''
        ? { left: `${left} ${owner}::*`, right }
        : { left: `${left}(${owner}::*`, right: `)${right}` };
    }
    throw new UnknownMangling();
  }

  #substitution(): Type {
    const text = this.#text;
    const abbreviation = abbreviations[text.peek(2)];
    if (abbreviation !== undefined) {
      text.take(2);
      return { left: abbreviation, right: '' };
    }
    const digits = text.match(/S[0-9A-Z]*_/y);
    if (digits === undefined) throw new UnknownMangling();
    const found = this.#substitutions[digits === 'S_' ? 0 : Number.parseInt(digits.slice(1, -1), 36) + 1];
    if (found === undefined) throw new UnknownMangling();
    return found;
  }

  #templateParameter(): Type {
    const digits = this.#text.match(/T\d*_/y);
    if (digits === undefined) throw new UnknownMangling();
    const found = this.#templateArguments[digits === 'T_' ? 0 : Number(digits.slice(1, -1)) + 1];
    if (found === undefined) throw new UnknownMangling();
    return { left: found, right: '' };
  }

  #add(type: Type): Type {
    if (type.left.length + type.right.length > shownMaxLength) throw new UnknownMangling();
    this.#substitutions.push(type);
    return type;
  }
}

function shown({ left, right }: Type): string {
  return left + right;
}

function beforeArguments(name: string): string {
  return name.endsWith('<') ? `${name} ` : name;
}

/** A declaration of this type. */
function within({ left, right }: Type, declared: string): string {
  return `${left}${declared}${right}`;
}

/** The last part of a name, without its template arguments. */
function lastOf(name: string): string {
  let depth = 0;
  let end = name.length;
  for (let at = name.length - 1; at >= 0; at--) {
    if (name[at] === '>') depth++;
    else if (name[at] === '<' && --depth === 0) end = at;
    else if (depth === 0 && name[at] === ':') return name.slice(at + 1, end);
  }
  return name.slice(0, end);
}
