/**
 * The chunk rows of one content: reading and writing ranges of bytes, cutting off the end.
 *
 * Each chunk of a value has a row, also where nothing was written, and each row a checksum: a row that is changed, lost
 * or in the place of another is found when its bytes are read.
 */
import type { DatabaseSync } from 'node:sqlite';
import { damaged, sumOf } from '../../storage/checksum.ts';
import { chunkBytes, type Piece } from './port.ts';

const sumColumn = 'record_sum(content, position, bytes)';

/** What brings the rows of the first format to this one. */
export const chunkSums = `
  ALTER TABLE chunk ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
  INSERT OR IGNORE INTO chunk (content, position, bytes)
    WITH RECURSIVE place (content, position, count) AS (
      SELECT content, 0, (size + ${chunkBytes - 1}) / ${chunkBytes} FROM value WHERE size > 0
      UNION ALL SELECT content, position + 1, count FROM place WHERE position + 1 < count
    )
    SELECT content, position, x'' FROM place;
  UPDATE chunk SET sum = ${sumColumn}`;

const noBytes = new Uint8Array(0);

/** How many chunks a value has. */
const chunkCount = (sizeBytes: number): number => Math.ceil(sizeBytes / chunkBytes);

export function openChunks(db: DatabaseSync) {
  const select = db.prepare(`
    SELECT position, bytes, sum FROM chunk WHERE content = ? AND position BETWEEN ? AND ? ORDER BY position`);
  const get = db.prepare('SELECT bytes, sum FROM chunk WHERE content = ? AND position = ?');
  const upsert = db.prepare(`
    INSERT INTO chunk (content, position, bytes, sum) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET bytes = excluded.bytes, sum = excluded.sum`);
  const fill = db.prepare(`
    INSERT OR IGNORE INTO chunk (content, position, bytes, sum)
    WITH RECURSIVE place (position) AS (
      VALUES (?2) UNION ALL SELECT position + 1 FROM place WHERE position < ?3
    )
    SELECT ?1, position, x'', record_sum(?1, position, x'') FROM place`);
  const dropFrom = db.prepare('DELETE FROM chunk WHERE content = ? AND position >= ?');

  const put = (content: number, position: number, bytes: Uint8Array): void => {
    upsert.run(content, position, bytes, sumOf(content, position, bytes));
  };

  function checked(
    content: number,
    position: number,
    bytes: unknown,
    sum: unknown,
    name: string,
  ): Uint8Array {
    if (bytes instanceof Uint8Array && sumOf(content, position, bytes) === sum) return bytes;
    const from = position * chunkBytes;
    throw damaged(
      `State ${name}, bytes ${from} to ${from + chunkBytes},`,
      'write the whole value anew, delete it, or restore the state of this host from a backup',
      { component: 'state' },
    );
  }

  /** @param isThere there is such a chunk for sure */
  function bytesOf(
    content: number,
    position: number,
    name: string,
    isThere: boolean,
  ): Uint8Array | undefined {
    const row = get.get(content, position);
    if (row === undefined && !isThere) return undefined;
    return checked(content, position, row?.bytes, row?.sum, name);
  }

  return {
    /** The range lies within the value. @throws FaasmError `storage_corrupt` */
    read(content: number, offset: number, byteLength: number, name: string): Uint8Array {
      const bytes = new Uint8Array(byteLength);
      if (byteLength === 0) return bytes;
      let position = Math.floor(offset / chunkBytes);
      const last = Math.floor((offset + byteLength - 1) / chunkBytes);
      for (const row of select.iterate(content, position, last)) {
        const isNext = row.position === position;
        const chunk = checked(content, position, isNext ? row.bytes : undefined, row.sum, name);
        const at = position * chunkBytes - offset;
        bytes.set(chunk.subarray(Math.max(0, -at), byteLength - at), Math.max(0, at));
        position++;
      }
      if (position <= last) checked(content, position, undefined, 0, name);
      return bytes;
    },

    /**
     * @param oldBytes how large the value was
     * @param sizeBytes where the value ends: no byte at or after it is kept
     * @throws FaasmError `storage_corrupt` when it changes a part of a chunk that is damaged
     */
    write(
      content: number,
      { offset, bytes }: Piece,
      oldBytes: number,
      sizeBytes: number,
      name: string,
    ): void {
      for (let at = 0; at < bytes.length; ) {
        const position = Math.floor((offset + at) / chunkBytes);
        const from = offset + at - position * chunkBytes;
        const part = bytes.subarray(at, at + chunkBytes - from);
        at += part.length;
        const isWhole = from === 0 && (offset + at >= sizeBytes || part.length === chunkBytes);
        const old = isWhole
          ? undefined
          : bytesOf(content, position, name, position < chunkCount(Math.min(oldBytes, sizeBytes)));
        if (from === 0 && (old === undefined || old.length <= part.length)) {
          put(content, position, part);
          continue;
        }
        const merged = new Uint8Array(Math.max(old?.length ?? 0, from + part.length));
        if (old !== undefined) merged.set(old);
        merged.set(part, from);
        put(content, position, merged);
      }
    },

    /** Makes the chunks that nothing was written to, where a value has grown. */
    grow(content: number, oldBytes: number, sizeBytes: number): void {
      const first = chunkCount(oldBytes);
      const last = chunkCount(sizeBytes) - 1;
      if (last >= first) fill.run(content, first, last);
    },

    /** Drops what is at or after `sizeBytes`. @throws FaasmError `storage_corrupt` when a damaged chunk is cut in two */
    cut(content: number, sizeBytes: number, name: string): void {
      const position = Math.floor(sizeBytes / chunkBytes);
      const kept = sizeBytes - position * chunkBytes;
      dropFrom.run(content, kept === 0 ? position : position + 1);
      if (kept === 0) return;
      const bytes = bytesOf(content, position, name, false) ?? noBytes;
      if (bytes.length > kept) put(content, position, bytes.subarray(0, kept));
    },
  };
}
