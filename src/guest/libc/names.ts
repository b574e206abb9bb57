import type { Signature } from '../../wasm/types.ts';
import { answers, type ImportTable } from '../port.ts';

/** Names, parted by white space, of functions that do not wait, by their type. */
export type NamesByType = Readonly<Record<Signature, string>>;

export function toTable(names: NamesByType): ImportTable {
  return Object.fromEntries(
    Object.entries(names).flatMap(([signature, list]) =>
      list.split(/\s+/).map((name) => [name, answers(signature)]),
    ),
  );
}
