import { FaasmError } from '../../proto/errors.ts';
import type { ByteReader } from './reader.ts';
import { structureLimits } from './structure-limits.ts';

export const sectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** In the order that a module must keep. */
const sectionOrder: readonly (readonly [id: number, name: string])[] = [
  [sectionId.type, 'type'],
  [sectionId.import, 'import'],
  [sectionId.function, 'function'],
  [sectionId.table, 'table'],
  [sectionId.memory, 'memory'],
  [sectionId.tag, 'tag'],
  [sectionId.global, 'global'],
  [sectionId.export, 'export'],
  [sectionId.start, 'start'],
  [sectionId.element, 'element'],
  [sectionId.dataCount, 'data count'],
  [sectionId.code, 'code'],
  [sectionId.data, 'data'],
];

const ranks = new Map(sectionOrder.map(([id], rank) => [id, rank]));

export interface Section {
  readonly id: number;
  /** Where its id byte is. */
  readonly start: number;
  /** Where its content begins, after id and size. */
  readonly contentStart: number;
  readonly end: number;
}

/** Place in the order of sections; -1 for a custom section, which may stand anywhere. */
export function sectionRank(id: number): number {
  return ranks.get(id) ?? -1;
}

export function sectionName(id: number): string {
  return sectionOrder[sectionRank(id)]?.[1] ?? 'custom';
}

/**
 * The sections after the header, where the reader stands.
 * @throws FaasmError `bad_module` when one is unknown, cut off, twice there or out of order
 */
export function splitSections(reader: ByteReader): Section[] {
  const sections: Section[] = [];
  let previousRank = -1;
  while (reader.remaining > 0) {
    const start = reader.position;
    const id = reader.u8();
    const rank = sectionRank(id);
    if (id !== sectionId.custom) {
      if (rank < 0) throw reader.bad(`section ${id} is unknown`);
      if (rank <= previousRank)
        throw reader.bad(`the ${sectionName(id)} section is out of order or there twice`);
      previousRank = rank;
    }
    reader.where = `the ${sectionName(id)} section`;
    const byteLength = reader.u32();
    const contentStart = reader.position;
    if (byteLength > reader.remaining) {
      throw new FaasmError(
        'bad_module',
        `The module is truncated: ${reader.where} has ${byteLength} bytes, of which ${reader.remaining} are there; ` +
          'upload the whole file',
      );
    }
    reader.skip(byteLength);
    sections.push({ id, start, contentStart, end: reader.position });
    if (sections.length > structureLimits.sections) {
      throw reader.bad(`it has more than ${structureLimits.sections} sections`);
    }
  }
  return sections;
}
