import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { toStateKey, toUserName } from '../../../proto/names.ts';
import { chunkBytes } from '../../../src/state/stores/port.ts';
import { createSqliteStateStore } from '../../../src/state/stores/sqlite-store.ts';
import { stateStoreContract } from '../../_contracts/state-store.ts';

const user = toUserName('ann');
const key = toStateKey('k');
const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-state-'));
  folders.push(folder);
  return folder;
}

test.after.always(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

stateStoreContract(test, 'SQLite', () => createSqliteStateStore({ dataFolder: temporaryFolder() }));

async function openAt(t: ExecutionContext, dataFolder: string) {
  const store = await createSqliteStateStore({ dataFolder });
  t.teardown(() => store.close());
  return store;
}

test('SQLite: values are there after a restart, uploads are not', async (t) => {
  const folder = temporaryFolder();
  const first = await openAt(t, folder);
  const { version } = await first.write(user, key, {
    pieces: [{ offset: 0, bytes: Uint8Array.of(1, 2, 3) }],
  });
  await first.stage(user, 'up', { offset: 0, bytes: Uint8Array.of(4) });
  await first.close();
  const second = await openAt(t, folder);
  t.deepEqual(await second.get(user, key), { bytes: Uint8Array.of(1, 2, 3), sizeBytes: 3, version });
  await t.throwsAsync(second.commit(user, key, 'up', 1), { code: 'not_found' });
  const next = await second.append(user, key, Uint8Array.of(4));
  t.true(next.version > version);
});

test('SQLite: a push of 10 of 1,024 chunks writes about as many bytes as they have', async (t) => {
  const folder = temporaryFolder();
  const store = await openAt(t, folder);
  const size = 1024 * chunkBytes;
  await store.write(user, key, { pieces: [{ offset: 0, bytes: new Uint8Array(size).fill(1) }] });
  await store.close();
  const again = await openAt(t, folder);
  const pieces = Array.from({ length: 10 }, (_, at) => ({
    offset: at * 100 * chunkBytes,
    bytes: new Uint8Array(chunkBytes).fill(2),
  }));
  await again.write(user, key, { pieces, sizeBytes: size });
  const written = statSync(join(folder, 'state.db-wal')).size;
  t.true(written >= 10 * chunkBytes && written < 2 * 10 * chunkBytes, `${written} bytes`);
});
