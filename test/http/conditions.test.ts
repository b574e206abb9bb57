import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import { judgeRead, toEntityTags, toWriteConditions } from '../../src/http/conditions.ts';

const judged = test.macro({
  exec(
    t,
    ifMatch: string | undefined,
    ifNoneMatch: string | undefined,
    outcome: ReturnType<typeof judgeRead>,
  ) {
    t.is(judgeRead(ifMatch, ifNoneMatch, '7'), outcome);
  },
  title: (_, ifMatch, ifNoneMatch, outcome) =>
    `judgeRead() of version 7 with If-Match ${ifMatch}, If-None-Match ${ifNoneMatch}: ${outcome}`,
});

test(judged, undefined, undefined, 'proceed');
test(judged, '"7"', undefined, 'proceed');
test(judged, '7', undefined, 'proceed');
test(judged, '*', undefined, 'proceed');
test(judged, '"6", "7"', undefined, 'proceed');
test(judged, '"6"', undefined, 'precondition_failed');
test(judged, 'W/"7"', undefined, 'precondition_failed');
test(judged, undefined, '"7"', 'not_modified');
test(judged, undefined, 'W/"7"', 'not_modified');
test(judged, undefined, '*', 'not_modified');
test(judged, undefined, '"6"', 'proceed');
test(judged, '"6"', '"7"', 'precondition_failed');

test('toEntityTags() refuses what is no tag, and more tags than anybody needs', (t) => {
  for (const text of ['', '"7', 'a b', '"7",', Array(33).fill('"7"').join(',')]) {
    t.is(t.throws(() => toEntityTags(text), { instanceOf: FaasmError })?.code, 'bad_request', text);
  }
});

test('toWriteConditions() keeps strong tags and takes If-None-Match: * only', (t) => {
  t.deepEqual(toWriteConditions('"1", W/"2", "3"', undefined), { ifMatch: ['1', '3'] });
  t.deepEqual(toWriteConditions('*', '*'), { ifMatch: '*', ifNoneMatch: '*' });
  t.throws(() => toWriteConditions(undefined, '"1"'), { instanceOf: FaasmError });
});
