import test from 'ava';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { ComingFunctions } from '../../src/functions/coming.ts';

const ann = toUserName('ann');
const one = toFunctionName('one');
const two = toFunctionName('two');

test('ComingFunctions refuses what comes until it has come, and nothing else', (t) => {
  const coming = new ComingFunctions();
  coming.expect(['ann/one']);
  const error = t.throws(() => coming.check(ann, one), { code: 'being_built' });
  t.regex(error!.message, /^ann\/one is being built/);
  t.notThrows(() => coming.check(ann, two));
  coming.settle('ann/one');
  t.notThrows(() => coming.check(ann, one));
});

test('ComingFunctions takes any function for one that comes before it knows which do', (t) => {
  const coming = new ComingFunctions();
  t.throws(() => coming.check(ann, two), { code: 'being_built' });
  coming.expect([]);
  t.notThrows(() => coming.check(ann, two));
});

test('ComingFunctions tells what is still to come, and when all is there', (t) => {
  const coming = new ComingFunctions();
  const told: (string | undefined)[] = [];
  coming.watch((why) => told.push(why));
  coming.expect(['ann/one', 'ann/two']);
  coming.settle('ann/one');
  coming.settle('ann/one');
  coming.settle('ann/two');
  t.deepEqual(told, [
    'its functions are looked for',
    '2 functions are being built',
    '1 function is being built',
    undefined,
  ]);
});
