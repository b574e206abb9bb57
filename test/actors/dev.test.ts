import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DevOptions, startDev } from '../../actors/dev.ts';
import { FaasmError } from '../../proto/errors.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A folder of functions, a compiler whose modules are the sources themselves, and a host that keeps what it is given. */
async function setUp(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'faasm-dev-'));
  const live = new Map<string, string>();
  const builds: string[] = [];
  const notes: string[] = [];
  const doing: string[] = [];
  const coming: string[] = [];
  const uploads: string[] = [];
  const kit = { version: '1' };
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const check of watchers) check();
  };
  const options: DevOptions = {
    folder,
    cacheFolder: join(folder, 'cache'),
    host: {
      async upload(user, name, module) {
        live.set(`${user}/${name}`, Buffer.from(module).toString());
        uploads.push(`${user}/${name}`);
        changed();
        return { user, name, live: sha256(module), versions: [], revision: 1 };
      },
      async describe(user, name) {
        const module = live.get(`${user}/${name}`);
        if (module === undefined) throw new FaasmError('being_built', 'none yet');
        return { user, name, live: sha256(Buffer.from(module)), versions: [], revision: 1 };
      },
    },
    async build({ sources, onProgress }) {
      const text = sources.map((source) => source.text.toString()).join('|');
      builds.push(text);
      onProgress?.('compiling', '');
      if (text.includes('error')) throw new FaasmError('bad_request', 'clang says no');
      return { wasm: new Uint8Array(Buffer.from(text)), warnings: '', cached: text.includes('cached') };
    },
    readKit: async () => ({ version: kit.version }),
    note(text) {
      notes.push(text);
      changed();
    },
    coming: {
      expect: (names) => coming.push(`expect ${[...names].join(' ')}`.trim()),
      settle: (name) => coming.push(`settle ${name}`),
    },
    progress: (pass) => doing.push(`${pass.done} of ${pass.all}: ${pass.doing}`),
  };
  let dev: ReturnType<typeof startDev> | undefined;
  t.teardown(async () => {
    await dev?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    live,
    builds,
    notes,
    doing,
    coming,
    uploads,
    kit,
    start: () => (dev = startDev(options)),
    async write(path: string, text: string) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    },
    remove: (path: string) => rm(join(folder, path)),
    until: (holds: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!holds()) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
  };
}

test('startDev() builds and uploads every function', async (t) => {
  const at = await setUp(t);
  await at.write('demo/one.cpp', '1');
  await at.write('demo/two.c', '2');
  await at.write('me/one.c', '3');
  const summary = await at.start().ready;
  t.deepEqual(summary, { live: ['demo/one', 'demo/two', 'me/one'], failed: [], built: 3 });
  t.deepEqual(Object.fromEntries(at.live), { 'demo/one': '1', 'demo/two': '2', 'me/one': '3' });
});

test('startDev() tells how far the first pass is, and of nothing else that is fine', async (t) => {
  const at = await setUp(t);
  for (const name of ['one', 'two', 'three']) await at.write(`demo/${name}.c`, name);
  await at.start().ready;
  t.deepEqual(at.notes, []);
  t.is(at.doing.length, 3);
  t.is(at.doing[0], '0 of 3: compiling for demo/one');
  t.regex(at.doing[2]!, /^[12] of 3: compiling for demo\/two$/);
  await at.write('demo/one.c', 'other');
  await at.until(() => at.notes.some((note) => /^demo\/one: live, 5 bytes, built in/.test(note)));
});

test('startDev() says which functions are to come, and when each has come or will not', async (t) => {
  const at = await setUp(t);
  await at.write('demo/bad.c', 'error');
  await at.write('demo/one.c', '1');
  await at.start().ready;
  t.is(at.coming[0], 'expect demo/bad demo/one');
  t.deepEqual(at.coming.slice(1, 3).sort(), ['settle demo/bad', 'settle demo/one']);
  t.is(at.coming[3], 'expect');
  await at.write('demo/late.c', 'late');
  await at.until(() => at.live.has('demo/late'));
  t.false(at.coming.includes('expect demo/bad demo/late demo/one'));
});

test('startDev() says that the folder is not there, and finds it when it is', async (t) => {
  const at = await setUp(t);
  await rm(at.folder, { recursive: true });
  t.deepEqual(await at.start().ready, { live: [], failed: [], built: 0 });
  t.is(at.notes.length, 1);
  t.regex(at.notes[0]!, /^There is no folder .*faasm-dev-\w+ here; write .*hello\.c/);
  await at.write('demo/late.c', 'late');
  await at.until(() => at.live.has('demo/late'));
});

test('startDev() uploads nothing that is live already', async (t) => {
  const at = await setUp(t);
  await at.write('demo/same.c', 'cached same');
  await at.write('demo/other.c', 'cached other');
  at.live.set('demo/same', 'cached same');
  at.live.set('demo/other', 'older');
  const summary = await at.start().ready;
  t.deepEqual(summary, { live: ['demo/other', 'demo/same'], failed: [], built: 0 });
  t.deepEqual(at.uploads, ['demo/other']);
});

test('startDev() has nothing to do where there is no function', async (t) => {
  const at = await setUp(t);
  t.deepEqual(await at.start().ready, { live: [], failed: [], built: 0 });
});

test('startDev() says why a function does not build, and leaves live what was', async (t) => {
  const at = await setUp(t);
  await at.write('demo/bad.c', 'error');
  await at.write('demo/good.c', 'fine');
  at.live.set('demo/bad', 'older');
  t.deepEqual(await at.start().ready, { live: ['demo/good'], failed: ['demo/bad'], built: 1 });
  t.true(at.notes.includes('demo/bad: clang says no'));
  t.is(at.live.get('demo/bad'), 'older');
});

test('startDev() builds again what changed, and only that', async (t) => {
  const at = await setUp(t);
  await at.write('demo/bad.c', 'error');
  await at.write('demo/one.c', '1');
  await at.start().ready;
  await at.write('demo/one.c', '2');
  await at.until(() => at.live.get('demo/one') === '2');
  t.deepEqual(at.builds.toSorted(), ['1', '2', 'error']);
});

test('startDev() builds again when a header beside a source or in include changes', async (t) => {
  const at = await setUp(t);
  await at.write('demo/one.c', 'src');
  await at.write('demo/own.h', 'own1');
  await at.write('include/all.h', 'all1');
  await at.start().ready;
  t.is(at.live.get('demo/one'), 'src|own1|all1');
  await at.write('demo/own.h', 'own2');
  await at.until(() => at.live.get('demo/one') === 'src|own2|all1');
  await at.write('include/all.h', 'all2');
  await at.until(() => at.live.get('demo/one') === 'src|own2|all2');
  t.is(at.uploads.length, 3);
});

test('startDev() builds everything again when the guest kit changes, and only then', async (t) => {
  const at = await setUp(t);
  await at.write('demo/one.c', '1');
  await at.write('demo/two.c', '2');
  await at.write('lib/exec_entry.cpp', '');
  await at.start().ready;
  await at.write('lib/notes.txt', 'touched');
  await at.write('demo/three.c', '3');
  await at.until(() => at.live.has('demo/three'));
  t.deepEqual(at.builds.toSorted(), ['1', '2', '3']);
  at.kit.version = '2';
  await at.write('lib/exec_entry.cpp', 'edited');
  await at.until(() => at.notes.filter((note) => note.includes(': live')).length === 4);
  t.deepEqual(at.builds.toSorted(), ['1', '1', '2', '2', '3', '3']);
});

test('startDev() builds a function of a new user', async (t) => {
  const at = await setUp(t);
  await at.start().ready;
  await at.write('new/fn.cpp', 'new');
  await at.until(() => at.live.get('new/fn') === 'new');
  t.deepEqual(at.uploads, ['new/fn']);
});

test('startDev() leaves live what has lost its source, and says so', async (t) => {
  const at = await setUp(t);
  await at.write('demo/one.c', '1');
  await at.start().ready;
  await at.remove('demo/one.c');
  await at.until(() => at.notes.some((note) => note.startsWith('demo/one: its source is gone')));
  t.is(at.live.get('demo/one'), '1');
});

test('startDev() goes on after a file whose name is no function name', async (t) => {
  const at = await setUp(t);
  await at.write('demo/no name.c', '1');
  await at.write('demo/one.c', '1');
  const bad = join(at.folder, 'demo', 'no name.c');
  t.deepEqual(await at.start().ready, { live: ['demo/one'], failed: [bad], built: 1 });
  await at.write('demo/one.c', '2');
  await at.until(() => at.live.get('demo/one') === '2');
  const said = at.notes.filter((note) => note.startsWith(`${bad}: Bad function name "no name"`));
  t.is(said.length, 1);
});

test('startDev() uploads nothing once it is stopped', async (t) => {
  const at = await setUp(t);
  await at.write('demo/one.c', '1');
  const dev = at.start();
  await dev.stop();
  t.deepEqual(at.uploads, []);
});
