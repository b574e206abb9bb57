import test from 'ava';
import { toResponseBody } from '../../../src/faaslet/host/cgi.ts';

const body = test.macro<[string, string]>({
  exec(t, output, expected) {
    t.is(Buffer.from(toResponseBody(Buffer.from(output, 'latin1'))).toString('latin1'), expected);
  },
  title: (_, output) => `toResponseBody() of ${JSON.stringify(output.slice(0, 60))}`,
});

test(body, 'A: b\r\nC-d: e\r\n\r\nbody\r\n\r\n', 'body\r\n\r\n');
test(body, 'A: b\n\nbody', 'body');
test(body, 'A: b\r\n\r\n', '');
test(body, '', '');
test(body, '\nbody', '\nbody');
test(body, '\r\nbody', '\r\nbody');
test(body, 'no header\n\nbody', 'no header\n\nbody');
test(body, 'A: b\nno header\n\nbody', 'A: b\nno header\n\nbody');
test(body, 'A: b\r\nbody without an end', 'A: b\r\nbody without an end');
test(body, `A: ${'x'.repeat(70_000)}\n\nbody`, `A: ${'x'.repeat(70_000)}\n\nbody`);
