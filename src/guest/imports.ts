/** Which imports the host knows: an upload is checked against this, and told by name what it asks for in vain. */
import { type ErrorDetails, FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { nearest } from '../nearest.ts';
import { assemblyScriptTable, faasmTable, foundingTable, middleTable, processTable } from './faasm-table.ts';
import type { ImportSpec, ImportTable, Signature } from './port.ts';
import { systemTables } from './system.ts';
import { wasiTable, wasiUnstableTable } from './wasi/table.ts';

/** A function that a module imports. */
export interface FunctionImport {
  readonly module: string;
  readonly name: string;
  readonly signature: Signature;
}

/** By import module name; where a name has several forms, several tables. */
const tables: Readonly<Record<string, readonly ImportTable[]>> = {
  env: [faasmTable, middleTable, foundingTable, processTable, assemblyScriptTable, ...systemTables],
  wasi_snapshot_preview1: [wasiTable],
  wasi_unstable: [wasiUnstableTable],
};

/** What is behind an import, or nothing when nobody provides it in this form. */
export function findImport({ module, name, signature }: FunctionImport): ImportSpec | undefined {
  return forms(module, name).find((form) => form.signature === signature);
}

/** A name that was meant takes long to find, so it is looked for where it is shown. */
const shownMax = 20;

/**
 * @param toNearest gives the known name that was meant, with its module
 * @throws FaasmError `unknown_import` that names the first of those that are unknown
 */
export function checkImports(imports: readonly FunctionImport[], toNearest = nearestKnown): void {
  const unknown = imports.filter((wanted) => findImport(wanted) === undefined);
  if (unknown.length === 0) return;
  const shown = unknown
    .slice(0, shownMax)
    .map((wanted) => describe(wanted, toNearest))
    .join('; ');
  const more = unknown.length > shownMax ? `; and ${unknown.length - shownMax} more` : '';
  const details: ErrorDetails = { component: 'functions' };
  throw new FaasmError(
    'unknown_import',
    `The module imports what no host interface provides: ${shown}${more}`,
    {
      details,
    },
  );
}

/** Whether a module with these imports can be suspended. */
export function canWait(imports: readonly FunctionImport[]): boolean {
  return imports.some((wanted) => findImport(wanted)?.waits === true);
}

function forms(module: string, name: string): ImportSpec[] {
  const found = Object.hasOwn(tables, module) ? tables[module]! : [];
  return found.flatMap((table) => (Object.hasOwn(table, name) ? [table[name]!] : []));
}

function describe({ module, name, signature }: FunctionImport, toNearest: typeof nearestKnown): string {
  const shown = `${quote(module)}.${quote(name)}`.replaceAll('"', '');
  const known = forms(module, name);
  if (known.length > 0) {
    return `${shown} of type (${signature}), known as ${known.map((form) => `(${form.signature})`).join(' or ')}`;
  }
  const near = toNearest(name);
  return near === undefined ? shown : `${shown} (did you mean ${near}?)`;
}

/** By name, as it is shown. */
const knownNames = new Map(
  Object.entries(tables).flatMap(([module, list]) =>
    list.flatMap((table) => Object.keys(table).map((name) => [name, `${module}.${name}`] as const)),
  ),
);
const names = [...knownNames.keys()];

function nearestKnown(name: string): string | undefined {
  const found = nearest(name, names);
  return found && knownNames.get(found);
}
