import type { ImportTable, Signature } from '../port.ts';

/** Names, parted by white space, of functions that do not wait, by their type. */
export type NamesByType = Readonly<Record<Signature, string>>;

export function toTable(names: NamesByType): ImportTable {
  return Object.fromEntries(
    Object.entries(names).flatMap(([signature, list]) =>
      list.split(/\s+/).map((name) => [name, { signature, waits: false }]),
    ),
  );
}
