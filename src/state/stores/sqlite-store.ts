/** The global tier in one SQLite file, `<dataFolder>/state.db`, which this host alone has open. */
import { join } from 'node:path';
import { startSqliteThread } from '../../storage/sqlite-thread.ts';
import { unconditional } from '../core/condition.ts';
import type { Piece, StateStore } from './port.ts';
import type { StateOperations } from './sqlite-operations.ts';

/** @throws FaasmError `storage_unavailable` */
export async function createSqliteStateStore(config: { readonly dataFolder: string }): Promise<StateStore> {
  const thread = await startSqliteThread<StateOperations>({
    file: join(config.dataFolder, 'state.db'),
    operations: new URL('./sqlite-operations.ts', import.meta.url).href,
  });
  return {
    exclusive: true,
    immutable: false,
    locks: undefined,
    async watch() {},
    get: (user, key, offset = 0, length = Number.MAX_SAFE_INTEGER) =>
      thread.run('get', { user, key, offset, length }),
    describe: (user, key) => thread.run('describe', { user, key }),
    write(user, key, change, condition = unconditional) {
      const pieces = change.pieces.map(copied);
      return thread.run('write', { ...change, user, key, pieces, condition }, buffersOf(pieces));
    },
    append(user, key, bytes, condition = unconditional) {
      const own = bytes.slice();
      return thread.run('append', { user, key, bytes: own, condition }, [own.buffer]);
    },
    async changesSince(user, key, version) {
      const found = await thread.run('describe', { user, key });
      const whole = { offset: 0, length: found?.sizeBytes ?? 0 };
      return found && { ...found, ranges: found.version === version ? [] : [whole] };
    },
    delete: (user, key, condition = unconditional) => thread.run('delete', { user, key, condition }),
    list: (user, after, limit) => thread.run('list', { user, after: after ?? '', limit }),
    usage: (user) => thread.run('usage', { user }),
    stage(user, upload, piece) {
      const own = copied(piece);
      return thread.run('stage', { user, upload, piece: own }, buffersOf([own]));
    },
    commit: (user, key, upload, sizeBytes, condition = unconditional) =>
      thread.run('commit', { user, key, upload, sizeBytes, condition }),
    discard: (user, upload) => thread.run('discard', { user, upload }),
    shrink: () => thread.shrink(),
    damagedValues: () => thread.run('damagedValues', null),
    close: () => thread.close(),
  };
}

interface OwnPiece extends Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Just the bytes: posting a view would copy all of the buffer behind it. */
function copied({ offset, bytes }: Piece): OwnPiece {
  return { offset, bytes: new Uint8Array(bytes) };
}

function buffersOf(pieces: readonly OwnPiece[]): ArrayBuffer[] {
  return pieces.map(({ bytes }) => bytes.buffer);
}
