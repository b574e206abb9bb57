import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KeptFiles } from '../../src/build/kept-files.ts';

async function folderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-kept-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'kept');
}

const keptIn = (folder: string, maxBytes = 1_000): KeptFiles =>
  new KeptFiles({ folder, ending: 'o', maxBytes });
const bytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(7);

test('KeptFiles finds what it keeps, with what was said', async (t) => {
  const folder = await folderFor(t);
  const kept = keptIn(folder);
  t.is(await kept.find('a'), undefined);
  await kept.keep('a', { bytes: bytes(3), text: 'a warning' });
  await kept.keep('b', { bytes: bytes(4), text: '' });
  t.deepEqual(await keptIn(folder).find('a'), { bytes: bytes(3), text: 'a warning' });
  t.deepEqual(await kept.find('b'), { bytes: bytes(4), text: '' });
  t.deepEqual((await readdir(folder)).sort(), ['a.o', 'a.txt', 'b.o']);
});

test('KeptFiles lets the ones used longest ago go when there is too much', async (t) => {
  const folder = await folderFor(t);
  const kept = keptIn(folder, 250);
  for (const [at, key] of ['first', 'second', 'third'].entries()) {
    await kept.keep(key, { bytes: bytes(100), text: key });
    await utimes(join(folder, `${key}.o`), at, at);
  }
  await kept.find('first');
  await kept.prune();
  t.deepEqual((await readdir(folder)).sort(), ['first.o', 'first.txt', 'third.o', 'third.txt']);
});

test('KeptFiles removes what nobody finished, and leaves what is being written', async (t) => {
  const folder = await folderFor(t);
  await mkdir(folder);
  await writeFile(join(folder, 'old.o.1234'), '');
  await utimes(join(folder, 'old.o.1234'), 1, 1);
  await writeFile(join(folder, 'new.o.1234'), '');
  await keptIn(folder).prune();
  t.deepEqual(await readdir(folder), ['new.o.1234']);
});

test('KeptFiles keeps nothing where there can be no folder', async (t) => {
  const folder = await folderFor(t);
  await writeFile(folder, 'a file');
  const kept = keptIn(folder);
  await kept.keep('a', { bytes: bytes(3), text: '' });
  t.is(await kept.find('a'), undefined);
  await t.notThrowsAsync(kept.prune());
});

test('KeptFiles gives all of a file or nothing while others write it', async (t) => {
  const folder = await folderFor(t);
  const writers = Array.from({ length: 20 }, () =>
    keptIn(folder).keep('a', { bytes: bytes(500_000), text: '' }),
  );
  let writing = true;
  const written = Promise.all(writers).then(() => (writing = false));
  while (writing) {
    const found = await keptIn(folder).find('a');
    if (found !== undefined) t.is(found.bytes.length, 500_000);
  }
  await written;
  t.deepEqual(await readdir(folder), ['a.o']);
});
