import test from 'ava';
import { readGuestKit, readGuestKitAgain } from '../../src/build/guest-kit.ts';

test('readGuestKit() gives what was read last', async (t) => {
  const first = await readGuestKit();
  t.is(await readGuestKit(), first);
  const again = await readGuestKitAgain();
  t.not(again, first);
  t.deepEqual(again, first);
  t.is(await readGuestKit(), again);
});
