import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { DiskRoom } from '../../src/storage/disk-room.ts';

test('DiskRoom gives its reserve up when the disk is full, refuses what grows, and is itself again when it can', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-room-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const told: (string | undefined)[] = [];
  const room = await DiskRoom.open({ folder, onChange: (why) => told.push(why) });
  t.teardown(() => room.close());
  const reserve = join(folder, 'reserve');
  while (!existsSync(reserve) || statSync(reserve).size === 0) await delay(5);
  let shrunk = 0;
  room.onShrink(async () => {
    shrunk++;
    t.false(existsSync(reserve), 'what is freed comes before the reserve');
  });

  room.failed(new Error('something else'));
  t.notThrows(() => room.check());
  room.failed(new Error('wrapped', { cause: { errcode: 13 } }));
  t.throws(() => room.check(), { code: 'storage_unavailable', message: /the disk is full/ });
  t.regex(told[0] ?? '', /the disk is full/);

  while (told.length < 2) await delay(20);
  t.is(told[1], undefined);
  t.true(shrunk > 0);
  t.notThrows(() => room.check());
  t.true(statSync(reserve).size > 0);
});
