import test from 'ava';
import type { RequestHead } from '../../../proto/call.ts';
import { toFunctionName, toUserName } from '../../../proto/names.ts';
import { type CgiCall, toCgiEnvironment } from '../../../src/guest/cgi/request.ts';

const request: RequestHead = {
  method: 'GET',
  target: '/f/demo/page',
  protocol: 'HTTP/1.1',
  headers: ['Host: localhost:8001'],
  address: '127.0.0.1',
  port: 8001,
};
const call: CgiCall = {
  user: toUserName('demo'),
  name: toFunctionName('page'),
  request,
  inputBytes: 0,
  given: {},
  own: {},
};

const tells = test.macro<
  [string, Partial<RequestHead>, Record<string, string | undefined>, Partial<CgiCall>?]
>({
  exec(t, _, asked, expected, more = {}) {
    const found = toCgiEnvironment({ ...call, request: { ...request, ...asked }, ...more });
    for (const [name, value] of Object.entries(expected)) t.is(found[name], value, name);
  },
  title: (_, what) => `toCgiEnvironment() tells ${what}`,
});

test(tells, 'no path where there is none', {}, { PATH_INFO: undefined, SCRIPT_NAME: '/f/demo/page' });
test(tells, 'a slash as a path', { target: '/f/demo/page/?' }, { PATH_INFO: '/', QUERY_STRING: '' });
test(
  tells,
  'a path with its escapes undone',
  { target: '/f/demo/page/a%20b//c?d?e' },
  {
    PATH_INFO: '/a b//c',
    QUERY_STRING: 'd?e',
  },
);
test(
  tells,
  'a path whose escapes are none as it is',
  { target: '/f/demo/page/%zz%00' },
  { PATH_INFO: '/%zz%00' },
);
test(
  tells,
  'headers of one name as one',
  { headers: ['Cookie: a=1', 'X-A: 1', 'cookie: b=2', 'x-a: 2'] },
  {
    HTTP_COOKIE: 'a=1; b=2',
    HTTP_X_A: '1, 2',
    HTTP_HOST: undefined,
    SERVER_NAME: 'localhost',
  },
);
test(tells, 'UTF-8 as text', { headers: ['X-A: \xc3\xa4', 'X-B: \xff'] }, { HTTP_X_A: 'ä', HTTP_X_B: 'ÿ' });
test(
  tells,
  'no proxy, no credentials, nothing of the connection, and no name that passes for another',
  { headers: ['Proxy: evil', 'Authorization: x', 'Connection: close', 'X_A: evil', 'Content-Length: 7'] },
  {
    HTTP_PROXY: undefined,
    HTTP_AUTHORIZATION: undefined,
    HTTP_CONNECTION: undefined,
    HTTP_X_A: undefined,
    HTTP_CONTENT_LENGTH: undefined,
  },
  { given: { HTTP_PROXY: 'evil' } },
);
test(
  tells,
  'the request before what a caller adds, and the function before both',
  {},
  { REQUEST_METHOD: 'GET', A: 'given', SERVER_NAME: 'own' },
  { given: { REQUEST_METHOD: 'PUT', A: 'given', SERVER_NAME: 'given' }, own: { SERVER_NAME: 'own' } },
);
test(
  tells,
  'what a caller says where there is no request',
  {},
  { REQUEST_METHOD: 'PUT', QUERY_STRING: '', CONTENT_LENGTH: '3', PATH_INFO: undefined },
  { request: undefined, given: { REQUEST_METHOD: 'PUT' }, inputBytes: 3 },
);
test(tells, 'an IPv6 name without its port', { headers: ['Host: [::1]:8001'] }, { SERVER_NAME: '[::1]' });
