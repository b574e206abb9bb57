import test from 'ava';
import { createRandom } from '../../random.ts';
import { create, Guest, out, root } from './guest.ts';

const limits = { bytes: 5000, inodes: 12, openFiles: 20 };
const names = ['a', 'b', 'c', 'd', 'e'] as const;
const directories = ['', 'p/', 'q/'] as const;
const sharedTexts: Readonly<Record<string, string>> = {
  a: 'shared a',
  'p/b': 'shared p/b',
  'q/a': 'x'.repeat(300),
};

/** What a file should hold; names share it when they are links of one file. */
interface Model {
  text: string;
}

/** One seeded run of random calls, each checked against a map of strings. */
function run(seed: number, check: (found: unknown, expected: unknown, what: string) => void): void {
  const random = createRandom(seed);
  const guest = new Guest({ files: { ...sharedTexts, q: { directory: true } }, limits });
  const models = new Map<string, Model>(Object.entries(sharedTexts).map(([path, text]) => [path, { text }]));
  const open = new Map<number, Model>();

  for (let step = 0; step < 120; step += 1) {
    const path = `${random.pick(directories)}${random.pick(names)}`;
    const other = `${random.pick(directories)}${random.pick(names)}`;
    const model = models.get(path);
    const what = `seed ${seed} step ${step} ${path} ${other}`;
    switch (random.below(8)) {
      case 0: {
        if (open.size > 10) break;
        const answered = guest.call('path_open', root, 0, path, create, (1n << 30n) - 1n, 0n, 0, out);
        if (answered !== 'success') {
          check([answered, model], ['nospc', undefined], what);
          break;
        }
        const opened = model ?? { text: '' };
        models.set(path, opened);
        open.set(guest.u32(), opened);
        break;
      }
      case 1:
      case 2: {
        const [fd, opened] = random.pick([...open, [-1, undefined] as const]);
        if (opened === undefined) break;
        const offset = random.below(400);
        const text = String.fromCharCode(97 + random.below(26)).repeat(1 + random.below(200));
        const written = guest.pwrite(fd, text, BigInt(offset));
        if (written === 'nospc') break;
        const part = text.slice(0, written as number);
        const before = opened.text.padEnd(offset, '\0').slice(0, offset);
        opened.text = before + part + opened.text.slice(offset + part.length);
        break;
      }
      case 3: {
        const [fd, opened] = random.pick([...open, [-1, undefined] as const]);
        if (opened === undefined) break;
        const size = random.below(500);
        if (guest.call('fd_filestat_set_size', fd, BigInt(size)) === 'success')
          opened.text = opened.text.slice(0, size).padEnd(size, '\0');
        break;
      }
      case 4: {
        const [fd, opened] = random.pick([...open, [-1, undefined] as const]);
        if (opened === undefined) break;
        check(guest.pread(fd, 1000, 0n), opened.text, what);
        guest.call('fd_close', fd);
        open.delete(fd);
        break;
      }
      case 5:
        check(guest.call('path_unlink_file', root, path), model ? 'success' : 'noent', what);
        models.delete(path);
        break;
      case 6: {
        const answered = guest.call('path_link', root, 0, path, root, other);
        if (answered === 'success') models.set(other, model!);
        else if (answered !== 'nospc') check(answered, model ? 'exist' : 'noent', what);
        break;
      }
      default: {
        const answered = guest.call('path_rename', root, path, root, other);
        if (answered === 'nospc') break;
        check(answered, model ? 'success' : 'noent', what);
        if (model === undefined || models.get(other) === model) break;
        models.set(other, model);
        models.delete(path);
      }
    }
  }

  for (const directory of directories) {
    const expected = names.filter((name) => models.has(directory + name));
    const found = guest.names(directory || '.').filter((name) => (names as readonly string[]).includes(name));
    check(found.sort(), expected, `seed ${seed} names of ${directory}`);
  }
  for (const [path, { text }] of models) check(guest.content(path), text, `seed ${seed} content of ${path}`);

  // With everything closed and removed, the whole quota is there again.
  for (const fd of open.keys()) guest.call('fd_close', fd);
  for (const path of models.keys()) guest.call('path_unlink_file', root, path);
  for (let index = 0; index < limits.inodes; index += 1) guest.create(`tmp/${index}`);
  check(guest.call('path_create_directory', root, 'tmp/x'), 'nospc', `seed ${seed} inodes`);
  check(guest.write(guest.open('tmp/0'), 'y'.repeat(limits.bytes + 1)), limits.bytes, `seed ${seed} bytes`);
}

test('a tree holds what a map of strings holds, and its quota is whole when all is removed', (t) => {
  for (let seed = 1; seed <= 150; seed += 1)
    run(seed, (found, expected, what) => t.deepEqual(found, expected, what));
});

test('a file that was cut does not show its old bytes when it grows again', (t) => {
  const guest = new Guest();
  for (const size of [1, 5000, 9000]) {
    const fd = guest.open('f', { flags: create });
    guest.pwrite(fd, 'x'.repeat(10_000), 0n);
    guest.call('fd_filestat_set_size', fd, BigInt(size));
    guest.call('fd_filestat_set_size', fd, 10_000n);
    t.is(guest.pread(fd, 10_000, 0n), 'x'.repeat(size).padEnd(10_000, '\0'));
  }
});

test('the shared tree is not changed by links, renames and removals of its entries', (t) => {
  const files = { 'p/a': 'a', 'p/b': 'b', q: { directory: true } } as const;
  const guest = new Guest({ files });
  guest.call('path_rename', root, 'p', root, 'q/p');
  guest.call('path_unlink_file', root, 'q/p/a');
  guest.call('path_link', root, 0, 'q/p/b', root, 'c');
  t.deepEqual(guest.names(), ['.', '..', 'tmp', 'q', 'c']);
  guest.wasi.reset();
  t.deepEqual(guest.names(), ['.', '..', 'tmp', 'p', 'q']);
  t.deepEqual(guest.names('p'), ['.', '..', 'a', 'b']);
  t.like(guest.stat('p/b'), { links: 1n });
});
