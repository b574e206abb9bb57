/** Which imports the host knows: an upload is checked against this, and told by name what it asks for in vain. */
import { type ErrorDetails, FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import {
  assemblyScriptTable,
  faasmTable,
  foundingTable,
  middleTable,
  processTable,
} from './host/faasm/table.ts';
import type { ImportSpec, ImportTable, Signature } from './host/port.ts';
import { systemTables } from './host/system.ts';
import { wasiTable, wasiUnstableTable } from './host/wasi/table.ts';

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

/** @throws FaasmError `unknown_import` that names all that are unknown */
export function checkImports(imports: readonly FunctionImport[]): void {
  const problems = imports.filter((wanted) => findImport(wanted) === undefined).map(describe);
  if (problems.length === 0) return;
  const shown = problems.slice(0, 20).join('; ');
  const more = problems.length > 20 ? `; and ${problems.length - 20} more` : '';
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

function describe({ module, name, signature }: FunctionImport): string {
  const shown = `${quote(module)}.${quote(name)}`.replaceAll('"', '');
  const known = forms(module, name);
  if (known.length > 0) {
    return `${shown} of type (${signature}), known as ${known.map((form) => `(${form.signature})`).join(' or ')}`;
  }
  const near = nearestName(name);
  return near === undefined ? shown : `${shown} (did you mean ${near}?)`;
}

/** The known name with the fewest edits to it, if they are few. */
function nearestName(name: string): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(4, Math.ceil(name.length / 3));
  for (const [module, list] of Object.entries(tables)) {
    for (const known of list.flatMap((table) => Object.keys(table))) {
      const distance = editDistance(name.slice(0, 64), known, bestDistance);
      if (distance < bestDistance) {
        best = `${module}.${known}`;
        bestDistance = distance;
      }
    }
  }
  return best;
}

/** Levenshtein distance, or `limit` once it cannot be less. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same);
    }
    row = next;
  }
  return row[right.length]!;
}
