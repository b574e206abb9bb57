/** Rust's names of the v0 scheme (RFC 2603): `_RNvCs1234_7mycrate3foo`. */
import { MangledText, UnknownMangling, unlessUnknown } from './mangled-text.ts';

const basicTypes: Readonly<Record<string, string>> = {
  a: 'i8',
  b: 'bool',
  c: 'char',
  d: 'f64',
  e: 'str',
  f: 'f32',
  h: 'u8',
  i: 'isize',
  j: 'usize',
  l: 'i32',
  m: 'u32',
  n: 'i128',
  o: 'u128',
  p: '_',
  s: 'i16',
  t: 'u16',
  u: '()',
  v: '...',
  x: 'i64',
  y: 'u64',
  z: '!',
};
const digits62 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const prefixLength = 2;
const depthMax = 100;

/** Nothing where it is not understood. */
export function demangleRust(mangled: string): string | undefined {
  return unlessUnknown(() => new RustName(mangled).path(true));
}

class RustName {
  readonly #text: MangledText;
  #depth = 0;

  constructor(mangled: string) {
    this.#text = new MangledText(mangled, prefixLength);
  }

  /** @param inValue generic arguments stand behind `::` */
  path(inValue: boolean): string {
    if (++this.#depth > depthMax) throw new UnknownMangling();
    const path = this.#path(inValue);
    this.#depth--;
    return path;
  }

  #path(inValue: boolean): string {
    const text = this.#text;
    const tag = text.next();
    switch (tag) {
      case 'C':
        return this.#identifier().name;
      case 'N': {
        const space = text.next();
        const parent = this.path(inValue);
        const { name, number } = this.#identifier();
        if (space === 'C') return `${parent}::{closure#${number}}`;
        if (space >= 'A' && space <= 'Z') return `${parent}::{${space}:${name}#${number}}`;
        return name === '' ? parent : `${parent}::${name}`;
      }
      case 'M':
        this.#implementation();
        return `<${this.#type()}>`;
      case 'X':
        this.#implementation();
        return `<${this.#type()} as ${this.path(false)}>`;
      case 'Y':
        return `<${this.#type()} as ${this.path(false)}>`;
      case 'I': {
        const path = this.path(inValue);
        const list = this.#list(() => this.#argument()).filter((text) => text !== '');
        return list.length === 0 ? path : `${path}${inValue ? '::' : ''}<${list.join(', ')}>`;
      }
      case 'B':
        return this.#again(() => this.path(inValue));
      default:
        throw new UnknownMangling();
    }
  }

  /** Where it is implemented, which is not shown. */
  #implementation(): void {
    this.#disambiguator();
    this.path(false);
  }

  #type(): string {
    const text = this.#text;
    const tag = text.peek();
    const basic = basicTypes[tag];
    if (basic !== undefined) {
      text.next();
      return basic;
    }
    if (/[CNMXYI]/.test(tag)) return this.path(false);
    if (++this.#depth > depthMax) throw new UnknownMangling();
    const type = this.#compoundType(text.next());
    this.#depth--;
    return type;
  }

  #compoundType(tag: string): string {
    switch (tag) {
      case 'A':
        return `[${this.#type()}; ${this.#constant()}]`;
      case 'S':
        return `[${this.#type()}]`;
      case 'T': {
        const list = this.#list(() => this.#type());
        return `(${list.join(', ')}${list.length === 1 ? ',' : ''})`;
      }
      case 'R':
        this.#lifetime();
        return `&${this.#type()}`;
      case 'Q':
        this.#lifetime();
        return `&mut ${this.#type()}`;
      case 'P':
        return `*const ${this.#type()}`;
      case 'O':
        return `*mut ${this.#type()}`;
      case 'F':
        return this.#functionType();
      case 'D': {
        this.#binder();
        const bounds = this.#list(() => this.#bound());
        this.#lifetime();
        return `dyn ${bounds.join(' + ')}`;
      }
      case 'B':
        return this.#again(() => this.#type());
      default:
        throw new UnknownMangling();
    }
  }

  #functionType(): string {
    const text = this.#text;
    this.#binder();
    const isUnsafe = text.skip('U');
    const abi = text.skip('K') ? `extern "${text.skip('C') ? 'C' : this.#identifier().name}" ` : '';
    const parameters = this.#list(() => this.#type()).join(', ');
    const result = this.#type();
    return `${isUnsafe ? 'unsafe ' : ''}${abi}fn(${parameters})${result === '()' ? '' : ` -> ${result}`}`;
  }

  #bound(): string {
    const path = this.path(false);
    const types: string[] = [];
    while (this.#text.skip('p')) types.push(`${this.#identifier().name} = ${this.#type()}`);
    return types.length === 0
      ? path
      : `${path.replace(/>$/, '')}${path.endsWith('>') ? ', ' : '<'}${types.join(', ')}>`;
  }

  /** Lifetimes are not shown. */
  #argument(): string {
    if (this.#text.skip('L')) {
      this.#base62();
      return '';
    }
    return this.#text.skip('K') ? this.#constant() : this.#type();
  }

  #constant(): string {
    const text = this.#text;
    if (text.skip('B')) return this.#again(() => this.#constant());
    const type = text.next();
    if (type === 'p') return '_';
    const value = text.match(/n?[0-9a-f]*_/y);
    if (value === undefined || !/[abchijlmnostxy]/.test(type)) throw new UnknownMangling();
    const isNegative = value.startsWith('n');
    const number = BigInt(`0x${value.slice(isNegative ? 1 : 0, -1) || '0'}`);
    if (type === 'b') return number === 0n ? 'false' : 'true';
    if (type === 'c' && number <= 0x10ffffn) return `'${String.fromCodePoint(Number(number))}'`;
    return `${isNegative ? '-' : ''}${number}`;
  }

  #list(read: () => string): string[] {
    const list: string[] = [];
    while (!this.#text.skip('E')) list.push(read());
    return list;
  }

  #identifier(): { name: string; number: number } {
    const number = this.#disambiguator();
    // Names beyond ASCII are encoded.
    const length = this.#text.match(/0|[1-9][0-9]*/y);
    if (length === undefined) throw new UnknownMangling();
    this.#text.skip('_');
    return { name: this.#text.take(Number(length)), number };
  }

  #disambiguator(): number {
    return this.#text.skip('s') ? this.#base62() + 1 : 0;
  }

  #binder(): void {
    if (this.#text.skip('G')) this.#base62();
  }

  #lifetime(): void {
    if (this.#text.skip('L')) this.#base62();
  }

  #base62(): number {
    const digits = this.#text.match(/[0-9a-zA-Z]*_/y);
    if (digits === undefined || digits.length > 8) throw new UnknownMangling();
    if (digits === '_') return 0;
    let value = 0;
    for (const digit of digits.slice(0, -1)) value = value * 62 + digits62.indexOf(digit);
    return value + 1;
  }

  /** Reads what stands at an earlier place. */
  #again(read: () => string): string {
    const text = this.#text;
    const start = text.position - 1;
    const at = prefixLength + this.#base62();
    if (at >= start) throw new UnknownMangling();
    const back = text.position;
    text.position = at;
    const found = read();
    text.position = back;
    return found;
  }
}
