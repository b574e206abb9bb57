import test from 'ava';
import type { ErrorCode } from '../../proto/errors.ts';
import { toStateKey } from '../../proto/names.ts';
import { toRoute } from '../../src/http/route.ts';

const routes = test.macro<[string, string, Record<string, unknown>]>({
  exec(t, method, target, expected) {
    t.like(toRoute(method, target), expected);
  },
  title: (_, method, target, expected) => `toRoute() takes ${method} ${target} as ${String(expected.kind)}`,
});

const demoEcho = { user: 'demo', function: 'echo' };
test(routes, 'POST', '/f/demo/echo', { kind: 'invoke', ...demoEcho });
test(routes, 'POST', '/f/demo/echo/', { kind: 'invoke', ...demoEcho });
test(routes, 'POST', '/f/demo/echo?x=/a/b', { kind: 'invoke', ...demoEcho });
test(routes, 'POST', '/f/d%65mo/%65cho', { kind: 'invoke', ...demoEcho });
test(routes, 'POST', 'http://anywhere:80/f/demo/echo', { kind: 'invoke', ...demoEcho });
test(routes, 'POST', '/fa/demo/echo', { kind: 'async', ...demoEcho });
test(routes, 'PUT', '/f/demo/echo', { kind: 'upload', ...demoEcho });
test(routes, 'PUT', '/f/demo/echo/', { kind: 'upload', ...demoEcho });
test(routes, 'PUT', '/fa/demo/echo', { kind: 'upload', ...demoEcho });
test(routes, 'PUT', '/fa/demo/echo/echo.wasm', { kind: 'upload', ...demoEcho });
const program = (otherwise: object) => ({ kind: 'program', ...demoEcho, otherwise });
test(routes, 'GET', '/f/demo/echo', program({ kind: 'describe', ...demoEcho }));
test(routes, 'HEAD', '/f/demo/echo', program({ kind: 'describe', ...demoEcho }));
test(routes, 'PUT', '/f/demo/echo/any%20file.wasm', program({ kind: 'upload', ...demoEcho }));
test(routes, 'PATCH', '/f/demo/echo', program({ kind: 'refused', allow: 'GET, HEAD, POST, PUT, DELETE' }));
test(routes, 'POST', '/f/demo/echo/more', program({ kind: 'refused' }));
test(routes, 'DELETE', '/f/demo/echo/a/b//c?d', program({ kind: 'refused' }));
test(routes, 'OPTIONS', '/f/demo/echo', {
  kind: 'options',
  of: demoEcho,
  allow: 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
});
test(routes, 'OPTIONS', '/fa/demo/echo', { kind: 'options', of: demoEcho, allow: 'POST, PUT, OPTIONS' });
test(routes, 'OPTIONS', '/f/demo/echo/more', { kind: 'options', of: demoEcho });
test(routes, 'OPTIONS', '/s/demo/key', {
  kind: 'options',
  allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
});
test(routes, 'OPTIONS', '*', { kind: 'options' });
test(routes, 'DELETE', '/f/demo/echo', { kind: 'remove', ...demoEcho });
test(routes, 'GET', '/f/demo', { kind: 'list-functions', user: 'demo' });
test(routes, 'GET', '/f/demo/', { kind: 'list-functions', user: 'demo' });
test(routes, 'GET', '/calls/demo-0123456789abcdefghijkl', {
  kind: 'status',
  id: 'demo-0123456789abcdefghijkl',
});
test(routes, 'GET', '/calls/demo-0123456789abcdefghijkl/output', {
  kind: 'output',
  id: 'demo-0123456789abcdefghijkl',
});
test(routes, 'DELETE', '/calls/demo-0123456789abcdefghijkl/', {
  kind: 'cancel',
  id: 'demo-0123456789abcdefghijkl',
});
test(routes, 'GET', '/s/demo', { kind: 'list-state', user: 'demo' });
test(routes, 'GET', '/s/demo/', { kind: 'list-state', user: 'demo' });
test(routes, 'GET', '/s/demo/key', { kind: 'read-state', user: 'demo', key: 'key' });
test(routes, 'HEAD', '/s/demo/key', { kind: 'read-state' });
test(routes, 'PUT', '/s/demo/a%2Fb%00.c', { kind: 'write-state', key: 'a=2Fb=00=2Ec' });
test(routes, 'PUT', '/s/demo/a=b+c', { kind: 'write-state', key: toStateKey('a=b+c') });
test(routes, 'PUT', '/s/demo/%ff', { kind: 'write-state', key: '=FF' });
test(routes, 'PUT', '/s/demo/\xe9', { kind: 'write-state', key: '=E9' });
test(routes, 'POST', '/s/demo/key', { kind: 'write-state' });
test(routes, 'POST', '/s/demo/key?append', { kind: 'append-state' });
test(routes, 'POST', '/s/demo/key?x=1&append=1', { kind: 'append-state' });
test(routes, 'POST', '/s/demo/key?appended', { kind: 'write-state' });
test(routes, 'PATCH', '/s/demo/key', { kind: 'append-state' });
test(routes, 'DELETE', '/s/demo/key', { kind: 'delete-state' });
test(routes, 'GET', '/logs/demo/', { kind: 'logs', user: 'demo', function: undefined });
test(routes, 'GET', '/logs/demo/echo', { kind: 'logs', user: 'demo', function: 'echo' });
test(routes, 'GET', '/', { kind: 'console', page: 'page' });
test(routes, 'GET', 'http://anywhere', { kind: 'console', page: 'page' });
test(routes, 'GET', '/console/data', { kind: 'console', page: 'data' });
test(routes, 'GET', '/metrics', { kind: 'console', page: 'metrics' });
test(routes, 'GET', '/healthz', { kind: 'health' });
test(routes, 'GET', '/readyz/', { kind: 'ready' });

const refused = test.macro<[string, string, ErrorCode, string?]>({
  exec(t, method, target, code, allow) {
    const route = toRoute(method, target);
    if (route.kind !== 'refused') return t.fail(`it is ${route.kind}`);
    t.is(route.error.code, code);
    t.is(route.allow, allow);
  },
  title: (_, method, target, code) => `toRoute() refuses ${method} ${target.slice(0, 40)} as ${code}`,
});

test(refused, 'GET', '/fa/demo/echo', 'method_not_allowed', 'POST, PUT');
test(refused, 'POST', '/calls/demo-0123456789abcdefghijkl', 'method_not_allowed', 'GET, HEAD, DELETE');
test(refused, 'DELETE', '/calls/demo-0123456789abcdefghijkl/output', 'method_not_allowed', 'GET, HEAD');
test(refused, 'DELETE', '/f/demo', 'method_not_allowed', 'GET, HEAD');
test(refused, 'POST', '/', 'method_not_allowed', 'GET, HEAD');
test(refused, 'POST', '/metrics', 'method_not_allowed', 'GET, HEAD');
test(refused, 'POST', '/f/de.mo/echo', 'bad_name');
test(refused, 'POST', '/f//echo', 'bad_name');
test(refused, 'POST', '/f/demo/e%20cho', 'bad_name');
test(refused, 'POST', '/f/demo/%zz', 'bad_name');
test(refused, 'POST', `/f/demo/${'x'.repeat(65)}`, 'bad_name');
test(refused, 'POST', '/f/demo/*', 'bad_name');
test(refused, 'GET', '/calls/a.b', 'bad_name');
test(refused, 'GET', '/s/demo/a/b', 'bad_name');
test(refused, 'GET', '/s/demo/%4', 'bad_name');
test(refused, 'GET', '/s/demo/%+1', 'bad_name');
test(refused, 'GET', `/s/demo/${'x'.repeat(513)}`, 'bad_name');
test(refused, 'GET', '/nothing', 'not_found');
test(refused, 'PUT', '/f/me', 'bad_name');
test(refused, 'PUT', '/fa/me/', 'bad_name');
test(refused, 'PUT', '/s/me', 'bad_name');
test(refused, 'PUT', '/file/me/', 'bad_name');
test(refused, 'GET', '/f', 'not_found');
test(refused, 'GET', '/console', 'not_found');
test(refused, 'OPTIONS', '/nothing', 'not_found');
