import test from 'ava';
import { createFileTree, emptyFileTree } from '../../../src/guest/wasi/file-tree.ts';
import { toPreopens } from '../../../src/guest/wasi/preopens.ts';
import { create, Guest } from './guest.ts';

const files = createFileTree([
  ['lib/a.txt', Buffer.from('a')],
  ['top.txt', Buffer.from('b')],
]);

test('toPreopens() opens the root as both where that is the working directory', (t) => {
  t.deepEqual(toPreopens('/', files), [
    { name: '/', directory: '' },
    { name: '.', directory: '' },
  ]);
});

test('toPreopens() opens the directories of the root before the working directory', (t) => {
  t.deepEqual(
    toPreopens('/data/in', files).map(({ name, directory }) => `${name} ${directory}`),
    ['/ ', '/tmp tmp', '/lib lib', '/data data', '. data/in'],
  );
});

test('a working directory that is not there is made in each call', (t) => {
  const guest = new Guest({ preopens: toPreopens('/data/in', emptyFileTree) });
  for (let call = 0; call < 2; call++) {
    guest.write(guest.open('x.txt', { from: 6, flags: create }), 'hello');
    t.is(guest.read(guest.open('data/in/x.txt'), 10), 'hello');
    guest.wasi.reset();
    guest.begin();
  }
});

test('a working directory that is a file is refused', (t) => {
  const preopens = toPreopens('/lib/a.txt/x', files);
  t.throws(() => new Guest({ files: { 'lib/a.txt': 'a' }, preopens }), {
    message: /lib\/a.txt\/x .* no directory/,
  });
});
