/** What web pages may do: by the name that they call the host by, and by their origin. */
import test, { type ExecutionContext } from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import { headers as names } from '../../proto/headers.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { Encodable, header, respond, toBytes } from '../../src/bus/port.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../../src/functions/messages.ts';
import { collect, exchangeRaw, startBridge, subjects } from './_bridge.ts';

const user = toUserName('demo');
const name = toFunctionName('echo');
const live = 'a'.repeat(64);
const app = 'https://app.example';

async function start(t: ExecutionContext, settings: object, config = {}) {
  const parts = await startBridge(t, config);
  const { bus, port } = parts;
  const kept = {
    version: live,
    module: live,
    settings: { ...noSettings, ...settings },
    sizeBytes: 1,
    uploadedAtMs: 1,
  };
  bus.subscribe(subjects.functions('describe', '*', '*'), (message) =>
    respond(
      bus,
      message,
      new Encodable({ user, name, live, versions: [kept], revision: 1 }, functionDescriptionCodec),
    ),
  );
  const invoked = collect(bus, subjects.invoke('*', '*'));
  bus.subscribe(subjects.invoke('*', '*'), (message) => respond(bus, message, message.body));
  const send = async (line: string, headers: Record<string, string> = {}) => {
    const all = { Host: 'localhost', Connection: 'close', ...headers };
    const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\r\n`);
    return await exchangeRaw(port, `${line} HTTP/1.1\r\n${lines.join('')}\r\n`);
  };
  return { ...parts, invoked, send };
}

test('a name that is not known is answered with 421, and one that is set is taken', async (t) => {
  const { send, invoked } = await start(t, {}, { hosts: ['faasm.example'] });
  for (const line of ['GET /', 'POST /f/demo/echo', 'PUT /s/demo/key', 'GET /healthz'])
    t.regex(await send(line, { Host: 'rebound.example:8001' }), /^HTTP\/1\.1 421 [\s\S]*FAASM_HTTP_HOSTS/);
  t.is(invoked.length, 0);
  t.regex(await send('POST /f/demo/echo', { Host: 'faasm.example' }), /^HTTP\/1\.1 200 /);
});

test('HTTP/1.1 without a Host, or with two, is answered with 400', async (t) => {
  const { port } = await start(t, {});
  const rest = 'Connection: close\r\nContent-Length: 0\r\n\r\n';
  t.regex(await exchangeRaw(port, `POST /f/demo/echo HTTP/1.1\r\n${rest}`), /^HTTP\/1\.1 400 [\s\S]*Host/);
  const two = `POST /f/demo/echo HTTP/1.1\r\nHost: a\r\nhost: b\r\n${rest}`;
  t.regex(await exchangeRaw(port, two), /^HTTP\/1\.1 400 [\s\S]*Host/);
  t.regex(await exchangeRaw(port, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

const changing = test.macro<[string, Record<string, string>, number]>({
  async exec(t, line, headers, status) {
    const { send } = await start(t, {});
    t.is((await send(line, headers)).split(' ')[1], String(status));
  },
  title: (_, line, headers, status) => `${line} with ${JSON.stringify(headers)} is answered with ${status}`,
});

test(changing, 'POST /f/demo/echo', { Origin: 'http://localhost:9000' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'null' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'https://evil.example' }, 403);
test(changing, 'POST /fa/demo/echo', { Origin: 'https://evil.example' }, 403);
test(changing, 'PUT /f/demo/echo', { Origin: 'http://localhost:9000' }, 403);
test(changing, 'DELETE /s/demo/key', { 'Sec-Fetch-Site': 'same-site' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'http://localhost' }, 200);
test(changing, 'POST /f/demo/echo', { Host: 'localhost:8001', Origin: 'https://localhost:8001' }, 200);
test(changing, 'POST /f/demo/echo', { Host: 'LocalHost:8001', Origin: 'http://localhost:8001' }, 200);
test(changing, 'POST /f/demo/echo', { Host: 'localhost:80', Origin: 'http://localhost' }, 200);
test(changing, 'POST /f/demo/echo', { Host: 'localhost:80', Origin: 'https://localhost' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'http://localhost.evil.example' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'file://' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: 'http://' }, 403);
test(changing, 'POST /f/demo/echo', { Origin: '' }, 403);
test(changing, 'GET http://evil.example/healthz', {}, 421);
test(changing, 'GET http://evil.example?/healthz', {}, 421);
test(changing, 'GET http://user@localhost/healthz', {}, 400);
test(changing, 'GET http://localhost:8001/healthz', { Host: 'evil.example' }, 200);
test(changing, 'GET HTTP://localhost/healthz', {}, 200);
test(changing, 'GET /healthz', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }, 200);

test('cors lets pages of its origins call a function, and do nothing else', async (t) => {
  const { send } = await start(t, { cors: [app] });
  const answer = await send('POST /f/demo/echo', { Origin: app, 'Sec-Fetch-Site': 'cross-site' });
  t.regex(answer, /^HTTP\/1\.1 200 /);
  t.regex(answer, /\r\nAccess-Control-Allow-Origin: https:\/\/app\.example\r\n/);
  t.regex(answer, /\r\nVary: Origin\r\n/);
  const other = await send('POST /f/demo/echo', { Origin: 'https://other.example' });
  t.regex(other, /^HTTP\/1\.1 403 [\s\S]*--cors/);
  t.notRegex(other, /Access-Control/);
  for (const line of ['PUT /f/demo/echo', 'DELETE /f/demo/echo', 'PUT /s/demo/key'])
    t.regex(await send(line, { Origin: app }), /^HTTP\/1\.1 403 /);
});

test('cors of all origins is told without one', async (t) => {
  const { send } = await start(t, { cors: ['*'] });
  const answer = await send('POST /f/demo/echo', { Origin: app });
  t.regex(answer, /^HTTP\/1\.1 200 [\s\S]*\r\nAccess-Control-Allow-Origin: \*\r\n/);
});

const preflight = {
  Origin: app,
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'content-type, x-faasm-arg',
};

test('a preflight is answered with what may be sent, as the function is set now', async (t) => {
  const settings: { cors?: string[] } = { cors: [app] };
  const { send, privateBus } = await start(t, settings);
  const allowed = await send('OPTIONS /f/demo/echo', preflight);
  t.regex(allowed, /^HTTP\/1\.1 204 /);
  t.regex(allowed, /\r\nAccess-Control-Allow-Origin: https:\/\/app\.example\r\n/);
  t.regex(allowed, /\r\nAccess-Control-Allow-Methods: GET, HEAD, POST\r\n/);
  t.regex(allowed, /\r\nAccess-Control-Allow-Headers: content-type, x-faasm-arg\r\n/);
  t.notRegex(
    await send('OPTIONS /f/demo/echo', { ...preflight, Origin: 'https://other.example' }),
    /Access-Control/,
  );

  privateBus.publish(
    privateSubjects.functionChanged(),
    new Encodable({ user, name, version: live, revision: 2, store: 'mine' }, functionChangedCodec),
  );
  t.regex(await send('OPTIONS /f/demo/echo', preflight), /Access-Control/, 'it is asked for anew');
});

test('OPTIONS without cors says what a path takes, and no more', async (t) => {
  const { send, invoked } = await start(t, {});
  for (const [path, allow] of [
    ['/f/demo/echo', 'GET, HEAD, POST, PUT, DELETE, OPTIONS'],
    ['/s/demo/key', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    ['/metrics', 'GET, HEAD, OPTIONS'],
  ]) {
    const answer = await send(`OPTIONS ${path}`, preflight);
    t.regex(answer, /^HTTP\/1\.1 204 /);
    t.true(answer.includes(`\r\nAllow: ${allow}\r\n`), answer);
    t.notRegex(answer, /Access-Control/);
  }
  t.is(invoked.length, 0);
});

test('every method and path below a CGI program is its own, and the request goes along', async (t) => {
  const { send, invoked } = await start(t, { cgi: true });
  for (const line of [
    'GET /f/demo/echo?a=b',
    'HEAD /f/demo/echo/x',
    'POST /f/demo/echo/x/y',
    'PUT /f/demo/echo/file.txt',
    'DELETE /f/demo/echo/x',
    'PATCH /f/demo/echo',
    'OPTIONS /f/demo/echo',
  ]) {
    t.regex(await send(line, { 'X-Some': 'thing' }), /^HTTP\/1\.1 200 /, line);
    const [method, target] = line.split(' ');
    const request = JSON.parse(header(invoked.at(-1)!, names.request)!);
    t.like(request, { method, target, protocol: 'HTTP/1.1' });
    t.true(request.headers.includes('X-Some: thing'));
  }
  const count = invoked.length;
  t.regex(await send('GET /f/demo/echo', { Accept: 'application/json' }), /^HTTP\/1\.1 200 [\s\S]*"live"/);
  await send('PUT /f/demo/echo/new.wasm');
  await send('DELETE /f/demo/echo');
  t.is(invoked.length, count);
});

test('what is below a function that is no CGI program is not there', async (t) => {
  const { send, invoked } = await start(t, {});
  t.regex(await send('POST /f/demo/echo/x'), /^HTTP\/1\.1 404 /);
  t.regex(
    await send('PATCH /f/demo/echo'),
    /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD, POST, PUT, DELETE\r\n/,
  );
  t.regex(await send('GET /f/demo/echo'), /^HTTP\/1\.1 200 [\s\S]*"live"/);
  t.regex(await send('POST /f/demo/echo'), /^HTTP\/1\.1 200 /);
  t.is(header(invoked[0]!, names.request), undefined);
  t.is(toBytes(invoked[0]!.body).length, 0);
});
