/** Which imports the host knows: an upload is checked against this, and told by name what it asks for in vain. */
import { type ErrorDetails, FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { nearest } from '../nearest.ts';
import type { Signature } from '../wasm/types.ts';
import { capabilities } from './capabilities.ts';
import type { Capability, ImportSpec } from './port.ts';

/** A function that a module imports. */
export interface FunctionImport {
  readonly module: string;
  readonly name: string;
  readonly signature: Signature;
}

interface Provided {
  readonly capability: Capability;
  readonly forms: readonly ImportSpec[];
}

/** By import module and name. */
const known = new Map<string, Map<string, Provided>>();
for (const capability of capabilities) {
  const { module, imports } = capability;
  let names = known.get(module);
  if (names === undefined) known.set(module, (names = new Map()));
  for (const name of new Set(imports.flatMap(Object.keys))) {
    const forms = imports.flatMap((table) => (Object.hasOwn(table, name) ? [table[name]!] : []));
    names.set(name, { capability, forms });
  }
}

/** What is behind an import, or nothing when nobody provides it in this form. */
export function findImport({ module, name, signature }: FunctionImport): ImportSpec | undefined {
  return formsOf(module, name).find((form) => form.signature === signature);
}

/** Which capability an import is a part of. */
export function findCapability({ module, name }: FunctionImport): Capability | undefined {
  return known.get(module)?.get(name)?.capability;
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

function formsOf(module: string, name: string): readonly ImportSpec[] {
  return known.get(module)?.get(name)?.forms ?? [];
}

function describe({ module, name, signature }: FunctionImport, toNearest: typeof nearestKnown): string {
  const shown = `${quote(module)}.${quote(name)}`.replaceAll('"', '');
  const forms = formsOf(module, name);
  if (forms.length > 0) {
    return `${shown} of type (${signature}), known as ${forms.map((form) => `(${form.signature})`).join(' or ')}`;
  }
  const near = toNearest(name);
  return near === undefined ? shown : `${shown} (did you mean ${near}?)`;
}

/** By name, as it is shown. */
const shownNames = new Map(
  [...known].flatMap(([module, names]) =>
    [...names.keys()].map((name) => [name, `${module}.${name}`] as const),
  ),
);

const names = [...shownNames.keys()];

function nearestKnown(name: string): string | undefined {
  const found = nearest(name, names);
  return found && shownNames.get(found);
}
