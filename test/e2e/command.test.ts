/**
 * The system as people use it: the `faasm` command and curl, on a folder with two functions.
 * The tests are one session: hosts come one after the other on the same data, and what one test puts live stays.
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import anyTest, { type ExecutionContext } from 'ava';
import type { CallStatus } from '../../proto/messages.ts';
import { faasm as run } from '../cli/_faasm.ts';
import { killAll, type RunningCommand, startCommand } from './_command.ts';
import { type } from './_curl.ts';

const demos = join(import.meta.dirname, '../../func/demo');
const folder = await mkdtemp(join(tmpdir(), 'faasm-command-'));
const inFolder = (path: string): string => join(folder, path);

let host: RunningCommand;
/** Of the port to invoke at, and of the port to upload at. */
let urls: readonly [invoke: string, upload: string] = ['', ''];

const test = (title: string, implementation: (t: ExecutionContext) => Promise<void>): void =>
  anyTest.serial(title, (t) => {
    t.timeout(600_000);
    return implementation(t);
  });

anyTest.before(async () => {
  await mkdir(inFolder('func/demo'), { recursive: true });
  for (const name of ['hello.cpp', 'echo.cpp']) {
    await copyFile(join(demos, name), inFolder(`func/demo/${name}`));
  }
});

anyTest.after.always(async () => {
  await killAll();
  await rm(folder, { recursive: true, force: true });
});

interface Announcement {
  readonly host: string;
  readonly http: [string, string];
  readonly nats: string;
  readonly live: readonly string[];
  readonly failed: readonly string[];
  readonly built: number;
}

/** With `--json`; resolves when it is ready. */
async function start(...args: string[]): Promise<Announcement> {
  host = startCommand([...args, '--json', '--data', 'data'], folder);
  await host.said(/^\{.*"http":.*\}\n$/);
  const announcement = JSON.parse(host.stdout) as Announcement;
  urls = announcement.http;
  return announcement;
}

/** What curl prints; in the line, `:8001` and `:8002` stand for the ports there are. */
async function curl(line: string): Promise<string> {
  const [invoke, upload] = urls.map((url) => new URL(url).port);
  const typed = line.replaceAll(':8001', `:${invoke}`).replaceAll(':8002', `:${upload}`);
  return (await type(typed, folder)).stdout.toString();
}

/** The `faasm` command, at the host that there is. */
async function faasm(t: ExecutionContext, args: string, stdin = ''): Promise<string> {
  const { status, stdout, stderr } = await run(args.split(' '), {
    folder,
    stdin,
    environment: { FAASM_URL: urls[0] },
  });
  t.is(status, 0, stderr);
  return stdout.toString();
}

const reachable = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

/** Sends a call that takes some seconds, and resolves when the function runs. */
async function callSlow(seconds: number): Promise<Socket> {
  const { hostname, port } = new URL(urls[0]);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const head = ['POST /f/dummy/slow HTTP/1.1', 'Host: x', `X-Request-Id: slow-${seconds}`];
  socket.write([...head, `Content-Length: ${String(seconds).length}`, '', String(seconds)].join('\r\n'));
  while (!(await fetch(`${urls[1]}/s/dummy/started-${seconds}`)).ok) await sleep(20);
  return socket;
}

test('faasm dev builds the functions of func/, puts them live and says where', async (t) => {
  const { live, failed, built, http, nats } = await start('dev');
  t.deepEqual({ live, failed, built }, { live: ['demo/echo', 'demo/hello'], failed: [], built: 2 });
  t.regex(http.join(), /^http:\/\/localhost:\d+,http:\/\/localhost:\d+$/);
  t.regex(nats, /^nats:\/\/localhost:\d+$/);
  t.regex(host.stderr, /"function":"demo\/echo".*"msg":"function live"/);
});

test('curl calls a function at either port, with a slash at the end or without', async (t) => {
  t.is(await curl('curl -X POST http://localhost:8001/f/demo/hello'), 'Hello faasm!');
  t.is(await curl('curl -X POST http://localhost:8002/f/demo/hello/'), 'Hello faasm!');
  t.is(await curl('curl -X POST http://localhost:8001/f/demo/echo -d "hello faasm"'), 'hello faasm');
  t.is(await curl('curl -X POST http://localhost:8001/f/demo/echo/ -d "hello faasm"'), 'hello faasm');
});

test('faasm build makes a module that curl uploads and calls', async (t) => {
  await copyFile(join(demos, 'hello.cpp'), inFolder('hello.cpp'));
  t.is(await faasm(t, 'build hello.cpp -o hello.wasm'), '');
  t.is(
    await curl('curl -X PUT http://localhost:8002/f/dummy/hello -T hello.wasm'),
    'Function upload complete',
  );
  t.is(await curl('curl -X POST http://localhost:8001/f/dummy/hello'), 'Hello faasm!');
});

for (const route of ['f', 'fa']) {
  test(`curl -T uploads to /${route}/ with a slash at the end, where it adds the name of the file`, async (t) => {
    const name = `demo/cool_func_${route}`;
    t.is(
      await curl(`curl http://localhost:8002/${route}/${name}/ -X PUT -T hello.wasm`),
      'Function upload complete',
    );
    t.is(await curl(`curl -X POST http://localhost:8001/f/${name}/`), 'Hello faasm!');
  });
}

test('curl writes and reads state', async (t) => {
  const value = randomBytes(3_000_000);
  await writeFile(inFolder('value.bin'), value);
  t.is(await curl('curl http://localhost:8002/s/user123/my_key -X PUT -d "your data"'), '');
  t.is(await curl('curl http://localhost:8002/s/user123/my_key'), 'your data');
  t.is(await curl('curl http://localhost:8001/s/user123/my_key/'), 'your data');
  t.is(await curl('curl http://localhost:8002/s/user123/my_key -T value.bin'), '');
  t.is(await curl('curl http://localhost:8002/s/user123/my_key -o read.bin'), '');
  t.true((await readFile(inFolder('read.bin'))).equals(value));
  t.is(await curl('curl http://localhost:8002/s/user123/my_key/ -r 0-9 -o part.bin'), '');
  t.true((await readFile(inFolder('part.bin'))).equals(value.subarray(0, 10)));
});

test('curl tells of a state key as people write it', async (t) => {
  const problem = JSON.parse(await curl('curl http://localhost:8002/s/user123/a%2Fb%20%C3%A9')) as object;
  t.like(problem, { status: 404, code: 'not_found', detail: 'No state user123/a/b é' });
});

test('curl has a call kept, asks for its status and takes its output', async (t) => {
  const id = await curl('curl -X POST http://localhost:8001/fa/demo/echo/ -d x');
  t.regex(id, /^[\w-]{1,64}$/);
  const state = async (): Promise<string> =>
    (JSON.parse(await curl(`curl http://localhost:8001/calls/${id}`)) as CallStatus).state;
  while (['queued', 'running'].includes(await state())) await sleep(50);
  t.is(await state(), 'succeeded');
  t.is(await curl(`curl http://localhost:8001/calls/${id}/output/`), 'x');
});

test('faasm deploy, invoke, ls and rm work at the host', async (t) => {
  await writeFile(
    inFolder('slow.cpp'),
    `#include <string>
    #include <unistd.h>
    #include "faasm/faasm.h"
    int faasm::exec(FaasmMemory* memory) {
      std::string seconds(memory->getInputSize(), 0);
      memory->getInput((uint8_t*)seconds.data(), seconds.size());
      memory->writeState(("started-" + seconds).c_str(), (uint8_t*)"x", 1);
      sleep(atoi(seconds.c_str()));
      memory->setOutput("slept");
      return 0;
    }`,
  );
  t.regex(await faasm(t, 'deploy dummy/slow slow.cpp -O s'), /^dummy\/slow is live, version [0-9a-f]{12}\n$/);
  t.is(await faasm(t, 'invoke dummy/slow -d 0'), 'slept');
  t.is(await faasm(t, 'invoke demo/echo -', 'from stdin'), 'from stdin');
  t.regex(await faasm(t, 'deploy dummy/gone hello.wasm'), /^dummy\/gone is live/);
  t.deepEqual(
    (await faasm(t, 'ls dummy')).split('\n').map((line) => line.split(' ')[0]),
    ['FUNCTION', 'dummy/gone', 'dummy/hello', 'dummy/slow', ''],
  );
  t.is(await faasm(t, 'rm dummy/gone'), '');
  const { status, stderr } = await run(['invoke', 'dummy/gone', '--url', urls[0]]);
  t.is(status, 1);
  t.regex(stderr, /^faasm: There is no function dummy\/gone; .*\(not_found, request \S+\)\n/);
});

test('faasm invoke --async and status work at the host', async (t) => {
  const id = (await faasm(t, 'invoke demo/echo --async -d later')).trimEnd();
  while (!/^state +succeeded$/m.test(await faasm(t, `status ${id}`))) await sleep(50);
  t.is(await faasm(t, `status ${id} --output`), 'later');
});

test('faasm state put, get, ls and rm work at the host', async (t) => {
  await faasm(t, 'state put keys/one -d 1');
  await faasm(t, 'state put keys/two/2 -', 'second');
  t.is(await faasm(t, 'state get keys/two/2'), 'second');
  t.regex(await faasm(t, 'state ls keys'), /^KEY +BYTES +VERSION\none +1 +\d+\ntwo\/2 +6 +\d+\n$/);
  await faasm(t, 'state rm keys/one');
  t.regex(await faasm(t, 'state ls keys'), /^KEY +BYTES +VERSION\ntwo\/2 +6 +\d+\n$/);
});

test('faasm state ls lists more keys than one page has', async (t) => {
  const keys = Array.from({ length: 1201 }, (_, at) => `key/${String(at).padStart(4, '0')}`);
  const waiting = [...keys];
  const put = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      await fetch(`${urls[1]}/s/many/${encodeURIComponent(key)}`, { method: 'PUT', body: key });
    }
  };
  await Promise.all(Array.from({ length: 8 }, put));
  const listed = JSON.parse(await faasm(t, 'state ls many --json')) as { key: string }[];
  t.deepEqual(
    listed.map(({ key }) => key),
    keys,
  );
});

test('faasm build says what clang says, and ends with 1', async (t) => {
  await writeFile(inFolder('broken.cpp'), 'int main() { return missing; }\n');
  const { status, stdout, stderr } = await run(['build', 'broken.cpp'], { folder });
  t.is(status, 1);
  t.is(stdout.length, 0);
  t.regex(stderr, /broken\.cpp:1:21: error: use of undeclared identifier 'missing'/);
  t.notRegex(stderr, /\n\s+at /);
});

test('a request keeps its id in the answer, in the error and in the log', async (t) => {
  const answer = await curl('curl -i -X POST http://localhost:8001/f/demo/nothing -H "X-Request-Id: mine.1"');
  t.regex(answer, /\r\nX-Request-Id: mine\.1\r\n/);
  t.regex(answer, /"instance":"mine\.1"/);
  await host.said(/"requestId":"mine\.1","call":"[\w-]+","code":"not_found"/);
});

test('a client that leaves has its call cancelled', async (t) => {
  (await callSlow(100)).destroy();
  await host.said(/"requestId":"slow-100",.*the client left: its call is cancelled/);
  await host.said(/"requestId":"slow-100",.*"code":"cancelled"/);
  t.pass();
});

test('SIGTERM lets a call end, takes no other, and ends the host with 0', async (t) => {
  const socket = await callSlow(3);
  host.kill('SIGTERM');
  await host.said(/"signal":"SIGTERM"/);
  while (await reachable(urls[0])) await sleep(20);
  const answer = Buffer.concat(await Array.fromAsync(socket)).toString();
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*Connection: close\r\n/);
  t.regex(answer, /\r\n\r\nslept$/);
  t.deepEqual(await host.exit, { status: 0, signal: null });
});

test('faasm dev builds nothing that it has built before', async (t) => {
  const { live, built } = await start('dev', '--calls-per-user-max', '1');
  t.deepEqual(live, ['demo/echo', 'demo/hello']);
  t.is(built, 0);
  t.notRegex(host.stderr, /compiling|toolchain/);
  t.is(await curl('curl -X POST http://localhost:8001/f/dummy/hello'), 'Hello faasm!');
});

test('faasm dev leaves the version live that was when an edit is broken', async (t) => {
  const file = inFolder('func/demo/hello.cpp');
  const good = await readFile(file, 'utf8');
  await writeFile(file, good.replace('return 0', 'return nothing'));
  await host.said(/demo\/hello: Cannot build .*undeclared identifier 'nothing'/);
  t.is(await curl('curl -X POST http://localhost:8001/f/demo/hello'), 'Hello faasm!');
  await writeFile(file, good.replaceAll('Hello faasm!', 'Hello again!'));
  await host.said(/demo\/hello: live, .* built in/);
  t.is(await curl('curl -X POST http://localhost:8001/f/demo/hello'), 'Hello again!');
});

test('a call that is one too many has 429 and Retry-After', async (t) => {
  const socket = await callSlow(101);
  const answer = await curl('curl -i -X POST http://localhost:8001/f/dummy/hello');
  t.regex(answer, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
  t.regex(answer, /\r\nRetry-After: [1-9]\d*\r\n/);
  t.regex(answer, /FAASM_CALLS_PER_USER_MAX/);
  socket.destroy();
  await host.said(/"requestId":"slow-101",.*"code":"cancelled"/);
});

test('a second signal ends the host at once, whatever runs', async (t) => {
  await callSlow(102);
  host.kill('SIGTERM');
  await host.said(/"signal":"SIGTERM"/);
  host.kill('SIGINT');
  t.deepEqual(await host.exit, { status: 130, signal: null });
});

test('a function that faasm dev builds is 503 until it is live, and so is the host', async (t) => {
  const source = inFolder('func/demo/slow_to_build.cpp');
  await writeFile(source, '#include <iostream>\nint main() { std::cout << "built"; }\n');
  host = startCommand(['dev', '--data', 'data'], folder);
  await host.said(/"msg":"HTTP is served"/);
  const url = `http://localhost:${/"ports":\[(\d+)/.exec(host.stderr)![1]}`;
  const call = await fetch(`${url}/f/demo/slow_to_build`, { method: 'POST' });
  t.is(call.status, 503);
  t.truthy(call.headers.get('retry-after'));
  t.like(await call.json(), { code: 'being_built' });
  const ready = await fetch(`${url}/readyz`);
  t.is(ready.status, 503);
  t.regex(await ready.text(), /dev: .*(being built|looked for)/);
  await host.said(/"msg":"Faasm host \S+ is ready"/);
  t.is((await fetch(`${url}/readyz`)).status, 200);
  t.is(await (await fetch(`${url}/f/demo/slow_to_build`, { method: 'POST' })).text(), 'built');
  host.kill('SIGINT');
  t.deepEqual(await host.exit, { status: 0, signal: null });
  await rm(source);
});

test('faasm dev without a terminal says everything as JSON', async (t) => {
  host = startCommand(['dev', '--data', 'data'], folder);
  await host.said(/"msg":"Faasm host \S+ is ready"/);
  for (const line of `${host.stdout}${host.stderr}`.trimEnd().split('\n'))
    t.notThrows(() => JSON.parse(line), line);
  host.kill('SIGINT');
  t.deepEqual(await host.exit, { status: 0, signal: null });
});

test('faasm dev on a terminal tells people what they can do, in lines of 80 columns', async (t) => {
  await writeFile(inFolder('func/demo/fresh.c'), '#include <stdio.h>\nint main(void) { puts("fresh"); }\n');
  host = startCommand(['dev', '--data', 'data'], folder, { onTerminal: true });
  await host.said(/^Try:\r$/m);
  const port = /^ {2}invoke +http:\/\/localhost:(\d+)\r$/m.exec(host.stdout)![1]!;
  t.true(host.stdout.includes('\r\x1b[2K2 of 3 functions are live: compiling for demo/fresh'), host.stdout);
  t.regex(host.stdout, /^ {2}functions +3 live\r$/m);
  t.notRegex(host.stdout, /\{"|[0-9a-f]{20}/);
  const shown = stripVTControlCharacters(host.stdout).split(/[\r\n]+/);
  t.deepEqual(
    shown.filter((line) => line.length > 80),
    [],
  );
  const line = new RegExp(`^  (curl -X POST localhost:${port}/f/demo/hello)\r$`, 'm').exec(host.stdout)![1]!;
  t.is((await type(line, folder)).stdout.toString(), 'Hello again!');
  urls = [`http://localhost:${port}`, `http://localhost:${port}`];
});

test('a port in use ends the host with 1 and the name of its setting', async (t) => {
  const port = new URL(urls[0]).port;
  const second = startCommand(['start', '--http-port', port, '--data', 'other'], folder);
  t.deepEqual(await second.exit, { status: 1, signal: null });
  t.is(second.stdout, '');
  t.regex(second.stderr, new RegExp(`^faasm: Cannot listen on 127.0.0.1:${port}: .*FAASM_HTTP_PORT`, 'm'));
  t.notRegex(second.stderr, /\n\s+at /);
});

test('Ctrl-C says how many calls it waits for, and a second one that it ended at once', async (t) => {
  await callSlow(103);
  host.write('\x03');
  await host.said(/host: waiting for 1 call, 30 s at most; Ctrl-C ends at once/);
  // As long as one signal may come twice by itself.
  await sleep(150);
  host.write('\x03');
  t.deepEqual(await host.exit, { status: 130, signal: null });
  t.regex(host.stdout, /Ended at once, with 1 call under way\r\n/);
});
