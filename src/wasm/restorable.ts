import type { ModuleScan } from './scan.ts';

/** What of a module a reset of its first memory and its settable mutable globals does not bring back; nothing at best. */
export function unrestorableReasons({
  code,
  globals,
  memories,
  passiveData,
  passiveElements,
  types,
}: ModuleScan): string[] {
  const reasons: string[] = [];
  // What a global, a table or an element segment refers to may have changed even if the reference has not.
  if (types.structs.size + types.arrays.size > 0) reasons.push('it has garbage-collected objects');
  if (code.writesTables) reasons.push('its code changes tables');
  // To drop an active segment changes nothing: instantiation has dropped it.
  if (some(code.droppedData, (segment) => passiveData[segment] === true)) {
    reasons.push('its code drops passive data segments');
  }
  if (some(code.droppedElements, (segment) => passiveElements[segment] === true)) {
    reasons.push('its code drops passive element segments');
  }
  const opaque = new Set(
    globals.filter(({ mutable, type }) => mutable && !type.settable).map(({ type }) => type.text),
  );
  for (const text of opaque)
    reasons.push(`it has a mutable global of type ${text}, which only wasm can read`);
  if (memories.length > 1) reasons.push(`it has ${memories.length} memories`);
  return reasons;
}

function some(values: ReadonlySet<number>, holds: (value: number) => boolean): boolean {
  for (const value of values) if (holds(value)) return true;
  return false;
}
