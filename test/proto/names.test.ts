import test from 'ava';
import { fromStateKey, fromStateToken, showStateKey, toStateKey } from '../../proto/names.ts';
import { createRandom } from '../random.ts';

const shows = test.macro((t, key: string | Uint8Array, shown: string) => {
  t.is(showStateKey(toStateKey(key)), shown);
});

test('showStateKey() shows a plain key as it is', shows, 'my_key-1', 'my_key-1');
test('showStateKey() shows text as text', shows, 'a/b c=é€😀', 'a/b c=é€😀');
test('showStateKey() shows bytes that are not UTF-8 in token form', shows, Uint8Array.of(97, 0xff), 'a=FF');
test('showStateKey() shows a truncated letter in token form', shows, Uint8Array.of(0xc3), '=C3');
test('showStateKey() shows control characters in token form', shows, 'a\r\nb', 'a=0D=0Ab');
test('showStateKey() shows what turns the writing direction in token form', shows, '\u202eb', '=E2=80=AEb');

test('a state key keeps its bytes in token form, and no other token form is taken for it', (t) => {
  const seed = 7;
  const random = createRandom(seed);
  for (let turn = 0; turn < 500; turn++) {
    const bytes = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    const token = toStateKey(bytes);
    t.deepEqual(fromStateKey(token), bytes, `seed ${seed}, turn ${turn}`);
    t.is(fromStateToken(token), token);
  }
  for (const other of ['', '=', '=4', '=61', '=2f', 'a/b', 'a.b', '*', 'a=2']) {
    t.throws(() => fromStateToken(other), { message: /token form/ }, other);
  }
});
