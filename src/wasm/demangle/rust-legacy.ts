/** Rust's older names: `_ZN4core9panicking5panic17h0123456789abcdefE`. */

/** The last part of each. */
const hash = /17h[0-9a-f]{16}E/;
const escapes: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

/** Nothing where it is no such name. */
export function demangleRustLegacy(mangled: string): string | undefined {
  if (!mangled.startsWith('_ZN') || !hash.test(mangled)) return undefined;
  const parts: string[] = [];
  for (let at = 3; mangled[at] !== 'E'; ) {
    const digits = /^\d+/.exec(mangled.slice(at, at + 4))?.[0];
    if (digits === undefined) return undefined;
    at += digits.length;
    const part = mangled.slice(at, at + Number(digits));
    if (part.length < Number(digits)) return undefined;
    parts.push(part);
    at += part.length;
  }
  return parts.slice(0, -1).map(withoutEscapes).join('::');
}

function withoutEscapes(part: string): string {
  return part
    .replace(/^_(?=\$)/, '')
    .replaceAll(/\$u([0-9a-f]{1,6})\$/g, (whole, hex: string) => {
      const code = Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replaceAll(/\$([A-Z]{1,2})\$/g, (whole, name: string) => escapes[name] ?? whole)
    .replaceAll('..', '::');
}
