/** The chunk rows of one content: reading and writing ranges of bytes, cutting off the end. */
import type { DatabaseSync } from 'node:sqlite';
import { chunkBytes, type Piece } from './port.ts';

export function openChunks(db: DatabaseSync) {
  const select = db.prepare(`
    SELECT position, bytes FROM chunk WHERE content = ? AND position BETWEEN ? AND ? ORDER BY position`);
  const get = db.prepare('SELECT bytes FROM chunk WHERE content = ? AND position = ?');
  const put = db.prepare(`
    INSERT INTO chunk (content, position, bytes) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET bytes = excluded.bytes`);
  const dropFrom = db.prepare('DELETE FROM chunk WHERE content = ? AND position >= ?');
  const trim = db.prepare(`
    UPDATE chunk SET bytes = substr(bytes, 1, ?1) WHERE content = ?2 AND position = ?3 AND length(bytes) > ?1`);

  const bytesOf = (content: number, position: number): Uint8Array | undefined =>
    get.get(content, position)?.bytes as Uint8Array | undefined;

  /** The part of a piece that lies in one chunk, laid over what that chunk holds. */
  function writeInto(
    content: number,
    position: number,
    from: number,
    part: Uint8Array,
    nothingAfter: boolean,
  ): void {
    const whole = from === 0 && (nothingAfter || part.length === chunkBytes);
    const old = whole ? undefined : bytesOf(content, position);
    if (from === 0 && (old === undefined || old.length <= part.length)) {
      put.run(content, position, part);
      return;
    }
    const merged = new Uint8Array(Math.max(old?.length ?? 0, from + part.length));
    if (old !== undefined) merged.set(old);
    merged.set(part, from);
    put.run(content, position, merged);
  }

  return {
    /** The range lies within the value. */
    read(content: number, offset: number, byteLength: number): Uint8Array {
      const bytes = new Uint8Array(byteLength);
      if (byteLength === 0) return bytes;
      const first = Math.floor(offset / chunkBytes);
      const last = Math.floor((offset + byteLength - 1) / chunkBytes);
      for (const row of select.iterate(content, first, last)) {
        const chunk = row.bytes as Uint8Array;
        const at = Number(row.position) * chunkBytes - offset;
        const part = chunk.subarray(Math.max(0, -at), byteLength - at);
        bytes.set(part, Math.max(0, at));
      }
      return bytes;
    },

    /** @param sizeBytes where the value ends: no byte at or after it is kept */
    write(content: number, { offset, bytes }: Piece, sizeBytes: number): void {
      let at = 0;
      while (at < bytes.length) {
        const position = Math.floor((offset + at) / chunkBytes);
        const from = offset + at - position * chunkBytes;
        const part = bytes.subarray(at, at + chunkBytes - from);
        at += part.length;
        writeInto(content, position, from, part, offset + at >= sizeBytes);
      }
    },

    /** Drops what is at or after `sizeBytes`. */
    cut(content: number, sizeBytes: number): void {
      const position = Math.floor(sizeBytes / chunkBytes);
      const kept = sizeBytes - position * chunkBytes;
      dropFrom.run(content, kept === 0 ? position : position + 1);
      if (kept > 0) trim.run(kept, content, position);
    },
  };
}
