import test from 'ava';
import { connectDefaults, parseConnect } from '../../src/nats-listener/connect-options.ts';

test('parseConnect() takes the fields that it knows, and keeps what was known of the others', (t) => {
  const first = parseConnect('{"verbose":false,"name":"me","more":1,"lang":null}', connectDefaults);
  t.deepEqual(first, { ...connectDefaults, verbose: false, name: 'me' });
  t.deepEqual(parseConnect('{"protocol":1}', first!), { ...first, protocol: 1 });
  t.deepEqual(parseConnect('{}', first!), first);
  t.deepEqual(parseConnect('null', first!), first);
});

for (const bad of ['', '{', '1', '"x"', '[]', '{"verbose":"no"}', '{"protocol":true}', '{"user":1}']) {
  test(`parseConnect() refuses ${bad}`, (t) => {
    t.is(parseConnect(bad, connectDefaults), undefined);
  });
}
