import test from 'ava';
import { FaasmError } from '../../../proto/errors.ts';
import { responseHeadersMax } from '../../../src/calls/limits.ts';
import { toResponse } from '../../../src/guest/cgi/response.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const title = (_: string | undefined, output: string) =>
  `toResponse() of ${JSON.stringify(output.slice(0, 60))}`;

const response = test.macro<[string, number, string[], string]>({
  exec(t, output, status, headers, body) {
    const found = toResponse(bytes(output));
    t.deepEqual(found.head, { status, headers });
    t.is(Buffer.from(found.body).toString('latin1'), body);
  },
  title,
});

test(response, 'A: b\r\nC-d:e\r\n\r\nbody\r\n\r\n', 200, ['A: b', 'C-d: e'], 'body\r\n\r\n');
test(response, 'A: b\n\nbody', 200, ['A: b'], 'body');
test(response, 'A: b\r\n\r\n', 200, ['A: b'], '');
test(response, 'A:\n\n', 200, ['A: '], '');
test(response, 'Status: 404 Not Found\r\nA: b\r\n\r\nbody', 404, ['A: b'], 'body');
test(response, 'A: b\nstatus:201\n\n', 201, ['A: b'], '');
test(response, 'Status: 204\n\n', 204, [], '');
test(response, 'Location: /x\n\n', 302, ['Location: /x'], '');
test(response, 'Status: 201 Created\nLocation: /x\n\n', 201, ['Location: /x'], '');
test(response, 'Set-Cookie: a=1\nSet-Cookie: b=\xfc\n\n', 200, ['Set-Cookie: a=1', 'Set-Cookie: b=\xfc'], '');

const allBody = test.macro<[string]>({
  exec(t, output) {
    t.deepEqual(toResponse(bytes(output)), { body: bytes(output), head: undefined });
  },
  title: (_, output) => `${title(_, output)}, which has no headers`,
});

test(allBody, '');
test(allBody, '\nbody');
test(allBody, '\r\nbody');
test(allBody, 'no header\n\nbody');
test(allBody, 'A: b\nno header\n\nbody');
test(allBody, 'A: b\r\nbody without an end');
test(allBody, 'A: b\x00c\n\nbody');
test(allBody, 'Status: 99\n\nbody');
test(allBody, 'Status: 100 Continue\n\nbody');
test(allBody, 'Status: 2000\n\nbody');
test(allBody, 'Status: fine\n\nbody');
test(allBody, 'x'.repeat(70_000));
test(allBody, `A: b\n${'x'.repeat(70_000)}`);

const tooLarge = test.macro((t, output: string, message: RegExp) => {
  const error = t.throws<FaasmError>(() => toResponse(bytes(output)), { instanceOf: FaasmError });
  t.is(error.code, 'too_large');
  t.regex(error.message, message);
});
test(
  'toResponse() refuses a header that is too large',
  tooLarge,
  `A: ${'x'.repeat(70_000)}\n\nbody`,
  /16384 bytes/,
);
test(
  'toResponse() refuses headers that are too large together',
  tooLarge,
  `A: ${'x'.repeat(500)}\n`.repeat(50),
  /16384/,
);
test(
  'toResponse() refuses too many headers',
  tooLarge,
  'A: b\n'.repeat(responseHeadersMax + 1),
  /more than 100 headers/,
);
test('toResponse() takes as many headers as may be', (t) => {
  t.is(
    toResponse(bytes(`${'A: b\n'.repeat(responseHeadersMax)}\n`)).head?.headers.length,
    responseHeadersMax,
  );
});
