import { type ExportEntry, type ExternalKind, externalKinds } from './declarations.ts';
import { encodeU32, PieceWriter } from './writer.ts';

/** Exports in addition to those of the module, under names that it does not use. */
export class AddedExports {
  /** Entries of the export section. */
  readonly entries = new PieceWriter();
  readonly #names = new Set<string>();
  readonly #memoryNames = new Map<number, string>();
  #count = 0;

  constructor(exports: readonly ExportEntry[]) {
    for (const { kind, index, name } of exports) {
      this.#names.add(name);
      if (kind === 'memory' && !this.#memoryNames.has(index)) this.#memoryNames.set(index, name);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** The first name under which the module itself exports a memory. */
  ofMemory(index: number): string | undefined {
    return this.#memoryNames.get(index);
  }

  /** @returns the name it has got: the wanted one, made longer while the module has an export of that name */
  add(kind: ExternalKind, index: number, wanted: string): string {
    let name = wanted;
    while (this.#names.has(name)) name += '_';
    this.#names.add(name);
    this.entries.addName(name);
    this.entries.add([externalKinds.indexOf(kind), ...encodeU32(index)]);
    this.#count++;
    return name;
  }
}
