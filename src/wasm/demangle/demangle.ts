/** Names of functions as their programmers wrote them. A name may be a guest's own making, so reading it is bounded. */
import { demangleItanium } from './itanium.ts';
import { demangleRust } from './rust.ts';
import { demangleRustLegacy } from './rust-legacy.ts';

const nameMaxLength = 1000;

/** The name as it is where it is of no known kind. */
export function demangle(name: string): string {
  if (name.length > nameMaxLength) return name;
  const mangled = name.startsWith('__Z') || name.startsWith('__R') ? name.slice(1) : name;
  if (mangled.startsWith('_R')) return demangleRust(mangled) ?? name;
  if (mangled.startsWith('_Z')) return demangleRustLegacy(mangled) ?? demangleItanium(mangled) ?? name;
  return name;
}
