/** Shared files: put by HTTP, read by all functions of their user, written to by each call for itself. */
import { mkdir, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { connect } from 'nats';
import type { FileDescription, FunctionDescription } from '../../proto/messages.ts';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { faasm } from '../cli/_faasm.ts';
import { killAll, startCommand } from './_command.ts';
import { startTestHost, type TestHost } from './_host.ts';

/** Does what its arguments say, one after the other, and puts out what it reads. */
const source = `
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "faasm/core.h"

static char buffer[65536];

static void copy(FILE* from) {
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, from)) > 0) fwrite(buffer, 1, got, stdout);
}

static int is(const char* op, const char* name) { return strcmp(op, name) == 0; }

int main(int argc, char** argv) {
    for (int at = 1; at < argc; at++) {
        const char* op = argv[at];
        const char* path = is(op, "wait") ? 0 : argv[++at];
        int bad = 0;
        if (is(op, "read")) {
            FILE* file = fopen(path, "r");
            bad = file == 0;
            if (file) copy(file), fclose(file);
        } else if (is(op, "append") || is(op, "write")) {
            FILE* file = fopen(path, is(op, "append") ? "a" : "w");
            bad = file == 0;
            if (file) bad = fputs("private", file) < 0, bad |= fclose(file) != 0;
        } else if (is(op, "size")) {
            struct stat found;
            bad = stat(path, &found) != 0;
            if (!bad) printf("%lld", (long long)found.st_size);
        } else if (is(op, "list")) {
            DIR* folder = opendir(path);
            bad = folder == 0;
            struct dirent* entry;
            while (folder && (entry = readdir(folder))) if (entry->d_name[0] != '.') printf("%s ", entry->d_name);
        } else if (is(op, "remove")) bad = unlink(path) != 0;
        else if (is(op, "rename")) bad = rename(path, argv[++at]) != 0;
        else {
            faasmWriteState("waits", (const uint8_t*)"1", 1, 0);
            while (faasmGetStateSize("go") == 0) usleep(1000);
        }
        if (bad) printf("%s", strerror(errno));
        if (at + 1 < argc) putchar('|');
    }
    return 0;
}`;

test.after.always(async () => {
  stopToolchain();
  await killAll();
});

let built: Promise<Uint8Array> | undefined;
const guest = (): Promise<Uint8Array> =>
  (built ??= buildModule({ sources: [{ path: 'files.c', text: source }] }).then(({ wasm }) => wasm));

async function startWithGuest(settings: Record<string, string> = {}): Promise<TestHost> {
  const at = await startTestHost(settings);
  for (const name of ['ada/f', 'ada/g', 'bob/f']) await at.put(name, await guest());
  return at;
}

const run = async (at: TestHost, name: string, ...args: string[]): Promise<string> => {
  const headers = { 'X-Faasm-Settings': JSON.stringify({ args }) };
  return (await at.post(name, '', headers)).text();
};
const put = (at: TestHost, path: string, body: BodyInit, headers: HeadersInit = {}): Promise<Response> =>
  fetch(`${at.url}/file/${path}`, { method: 'PUT', body, headers, duplex: 'half' } as RequestInit);
const get = (at: TestHost, path: string, headers: HeadersInit = {}): Promise<Response> =>
  fetch(`${at.url}/file/${path}`, { headers });
const list = async (at: TestHost, path: string): Promise<string[]> =>
  ((await (await get(at, path)).json()) as FileDescription[]).map((each) => each.path);

async function refuses(t: ExecutionContext, response: Promise<Response>, status: number, text: RegExp) {
  const answer = await response;
  t.is(answer.status, status);
  t.regex(((await answer.json()) as { detail: string }).detail, text);
}

test.serial('all functions of a user see a file, and those of other users do not', async (t) => {
  await using at = await startWithGuest();
  t.is((await put(at, 'ada/lib/data.txt', 'hello')).status, 204);
  t.is(await run(at, 'ada/f', 'read', '/lib/data.txt', 'size', '/lib/data.txt'), 'hello|5');
  t.is(
    await run(at, 'ada/g', 'read', 'lib/data.txt', 'list', '/', 'list', 'lib'),
    'hello|tmp lib |data.txt ',
  );
  t.is(await run(at, 'bob/f', 'read', '/lib/data.txt', 'list', '/'), 'No such file or directory|tmp ');
  await put(at, 'bob/lib/data.txt', 'of bob');
  t.is(await run(at, 'bob/f', 'read', '/lib/data.txt'), 'of bob');
  t.is(await run(at, 'ada/f', 'read', '/lib/data.txt'), 'hello');
});

test.serial('what a call changes of files is its own, and gone after it', async (t) => {
  await using at = await startWithGuest();
  await put(at, 'ada/a', 'shared ');
  await put(at, 'ada/d/b', 'b');
  for (let times = 0; times < 3; times++) {
    t.is(
      await run(at, 'ada/f', 'append', '/a', 'read', '/a', 'write', '/a', 'read', '/a'),
      '|shared private||private',
    );
    t.is(
      await run(at, 'ada/f', 'read', '/a', 'remove', '/a', 'read', '/a'),
      'shared ||No such file or directory',
    );
    t.is(await run(at, 'ada/f', 'rename', 'd/b', 'c', 'read', 'c', 'write', 'd/n', 'list', 'd'), '|b||n ');
    t.is(await run(at, 'ada/g', 'read', '/a', 'list', '/d'), 'shared |b ');
  }
  t.is(await (await get(at, 'ada/a')).text(), 'shared ');
});

test.serial('a change is seen by the next call, and not by one that runs', async (t) => {
  await using at = await startWithGuest();
  await put(at, 'ada/a', 'old');
  t.is(await run(at, 'ada/f', 'read', 'a'), 'old');
  const running = run(at, 'ada/f', 'size', 'a', 'wait', 'read', 'a', 'list', '/');
  while (!(await fetch(`${at.url}/s/ada/waits`)).ok);
  await put(at, 'ada/a', 'new and longer');
  await put(at, 'ada/b', 'b');
  t.is(await run(at, 'ada/f', 'read', 'a', 'list', '/'), 'new and longer|tmp a b ');
  await fetch(`${at.url}/s/ada/go`, { method: 'PUT', body: '1' });
  t.is(await running, '3||old|tmp a ');
  for (let version = 0; version < 20; version++) {
    await put(at, 'ada/a', `version ${version}`);
    t.is(await run(at, 'ada/f', 'read', 'a'), `version ${version}`);
  }
  await fetch(`${at.url}/file/ada/a`, { method: 'DELETE' });
  t.is(await run(at, 'ada/f', 'list', '/'), 'tmp b ');
  await fetch(`${at.url}/file/ada/b`, { method: 'DELETE' });
  t.is(await run(at, 'ada/f', 'list', '/'), 'tmp ');
});

test.serial('a working directory among the files is where relative paths begin', async (t) => {
  await using at = await startTestHost();
  await at.put('ada/f', await guest(), { 'X-Faasm-Cwd': '/data/in' });
  t.is(await run(at, 'ada/f', 'list', '.'), '');
  await put(at, 'ada/data/in/x', 'x');
  await put(at, 'ada/lib/y', 'y');
  t.is(await run(at, 'ada/f', 'list', '.', 'read', 'x', 'read', '/lib/y'), 'x |x|y');
  await fetch(`${at.url}/file/ada/data/in/x`, { method: 'DELETE' });
  await put(at, 'ada/data', 'now a file');
  const refused = await at.post('ada/f');
  t.is(refused.status, 500);
  t.regex(await refused.text(), /working directory \/data\/in is, or is in, a shared file/);
  await fetch(`${at.url}/file/ada/data`, { method: 'DELETE' });
  t.is(await run(at, 'ada/f', 'read', '/lib/y'), 'y');
});

test.serial('files are written, read, listed and deleted by HTTP', async (t) => {
  await using at = await startTestHost();
  t.deepEqual(await list(at, 'ada'), []);
  const first = await put(at, 'ada/a/%C3%A9%20x', 'one');
  await put(at, 'ada/a/b/c', '');
  await put(at, 'ada/z', 'z');
  t.deepEqual(await list(at, 'ada/'), ['a/b/c', 'a/é x', 'z']);
  t.deepEqual(await list(at, 'ada/a/'), ['a/b/c', 'a/é x']);
  t.deepEqual(await list(at, 'ada/nothing/'), []);
  const [empty] = (await (await get(at, 'ada')).json()) as FileDescription[];
  t.like(empty, { path: 'a/b/c', sizeBytes: 0 });

  const read = await get(at, 'ada/a/é x');
  t.is(await read.text(), 'one');
  t.is(read.headers.get('etag'), first.headers.get('etag'));
  t.is(read.headers.get('content-type'), 'application/octet-stream');
  const head = await fetch(`${at.url}/file/ada/a/é x`, { method: 'HEAD' });
  t.is(head.headers.get('content-length'), '3');
  t.is(await (await get(at, 'ada/a/b/c')).text(), '');
  t.is((await get(at, 'ada/a/é x', { 'If-None-Match': read.headers.get('etag')! })).status, 304);

  await refuses(t, get(at, 'ada/a'), 404, /no file "a"/);
  await refuses(t, get(at, 'bob/z'), 404, /no file/);
  await refuses(t, fetch(`${at.url}/file/ada/a`, { method: 'DELETE' }), 409, /it is a folder/);
  t.is((await fetch(`${at.url}/file/ada/z`, { method: 'DELETE' })).status, 204);
  await refuses(t, fetch(`${at.url}/file/ada/z`, { method: 'DELETE' }), 404, /no file/);
  await refuses(t, fetch(`${at.url}/file/ada/z`, { method: 'POST' }), 405, /does not take/);
  t.deepEqual(await list(at, 'ada'), ['a/b/c', 'a/é x']);
});

test.serial('conditions of writes hold, and the same content is no change', async (t) => {
  await using at = await startTestHost();
  const tag = (await put(at, 'ada/a', 'one', { 'If-None-Match': '*' })).headers.get('etag')!;
  await refuses(t, put(at, 'ada/a', 'two', { 'If-None-Match': '*' }), 412, /exists already/);
  await refuses(t, put(at, 'ada/a', 'two', { 'If-Match': '"x"' }), 412, /its version is/);
  await refuses(t, put(at, 'ada/b', 'two', { 'If-Match': '*' }), 412, /does not exist/);
  const [before] = (await (await get(at, 'ada')).json()) as FileDescription[];
  t.is((await put(at, 'ada/a', 'one')).headers.get('etag'), tag);
  t.deepEqual(await (await get(at, 'ada')).json(), [before]);
  t.is((await put(at, 'ada/a', 'two', { 'If-Match': `"x", ${tag}` })).status, 204);
  const remove = { method: 'DELETE', headers: { 'If-Match': tag } };
  await refuses(t, fetch(`${at.url}/file/ada/a`, remove), 412, /its version is/);
  t.is(await (await get(at, 'ada/a')).text(), 'two');
});

test.serial('paths that are none are refused', async (t) => {
  await using at = await startTestHost();
  const status = (method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(at.url);
      request({ port, method, path }, (answer) => resolve(answer.resume().statusCode!))
        .on('error', reject)
        .end();
    });
  const long = 'x'.repeat(256);
  const paths = ['..', '../x', 'a/../b', '%2e%2e/x', 'a/%2E', 'a//b', 'a%2Fb', '%00', 'a%ff', '%zz', 'tmp'];
  for (const path of [...paths, long, `${'d/'.repeat(256)}x`, 'folder/']) {
    t.is(await status('PUT', `/file/ada/${path}`), 400, path);
  }
  for (const path of ['a//b', 'a%2Fb', '%00', '..'])
    t.is(await status('GET', `/file/ada/${path}`), 400, path);
  t.is(await status('GET', '/file/bad.user/x'), 400);
  t.is(await status('GET', '/file'), 404);
  t.deepEqual(await list(at, 'ada'), []);
});

test.serial('a file and a folder cannot be in one place', async (t) => {
  await using at = await startTestHost();
  await put(at, 'ada/a/b', 'x');
  await refuses(t, put(at, 'ada/a', 'x'), 409, /it is a folder/);
  await refuses(t, put(at, 'ada/a/b/c', 'x'), 409, /"a\/b" is a file/);
});

test.serial('quotas are kept, also while a file comes in', async (t) => {
  const settings = {
    FAASM_SHARED_FILE_MAX_BYTES: '3000000',
    FAASM_SHARED_FILES_PER_USER_MAX_BYTES: '5000000',
    FAASM_SHARED_FILES_PER_USER_MAX: '3',
  };
  await using at = await startTestHost(settings);
  const bytes = (length: number) => new Uint8Array(length);
  const chunked = (length: number) => new Blob([bytes(length)]).stream() as unknown as BodyInit;
  t.is((await put(at, 'ada/a', bytes(3_000_000))).status, 204);
  t.is((await put(at, 'ada/b', bytes(3_000_001))).status, 413);
  t.is((await put(at, 'ada/b', chunked(3_000_001))).status, 413);
  await refuses(t, put(at, 'ada/b', chunked(2_000_001)), 413, /FAASM_SHARED_FILES_PER_USER_MAX_BYTES/);
  t.is((await put(at, 'ada/a', chunked(3_000_000))).status, 204);
  t.is((await put(at, 'bob/b', bytes(3_000_000))).status, 204);
  await put(at, 'ada/b', '');
  await put(at, 'ada/c', '');
  await refuses(t, put(at, 'ada/d', ''), 429, /FAASM_SHARED_FILES_PER_USER_MAX/);
  t.deepEqual(await list(at, 'ada'), ['a', 'b', 'c']);
  t.deepEqual(await readdir(join(at.data, 'files/drafts')), []);
});

test.serial('a large file streams in and out, and a guest reads all of it', async (t) => {
  await using at = await startWithGuest();
  const bytes = new Uint8Array(9_000_001).map((_, index) => (index * 7) ^ (index >> 11));
  t.is((await put(at, 'ada/big', new Blob([bytes]).stream() as unknown as BodyInit)).status, 204);
  t.true(Buffer.from(await (await get(at, 'ada/big')).arrayBuffer()).equals(bytes));
  const headers = { 'X-Faasm-Settings': '{"args":["read","big"]}' };
  t.true(Buffer.from(await (await at.post('ada/f', '', headers)).arrayBuffer()).equals(bytes));
});

test.serial('files are there after a restart, and their guests see them', async (t) => {
  await using at = await startWithGuest();
  await put(at, 'ada/a/b', 'kept');
  await put(at, 'ada/gone', 'x');
  await fetch(`${at.url}/file/ada/gone`, { method: 'DELETE' });
  await at.restart();
  t.deepEqual(await list(at, 'ada'), ['a/b']);
  t.is(await run(at, 'ada/f', 'read', 'a/b', 'list', '/'), 'kept|tmp a ');
});

test.serial(
  'a content that was lost from the disk is an error to the guest, and to nobody else',
  async (t) => {
    await using at = await startWithGuest();
    await put(at, 'ada/a', 'lost');
    const folder = join(at.data, 'files/contents');
    for (const name of await readdir(folder)) await unlink(join(folder, name));
    t.regex(await run(at, 'ada/f', 'read', 'a', 'size', 'a'), /\|4$/);
    const lost = await get(at, 'ada/a');
    t.is(lost.status, 500);
    t.is(((await lost.json()) as { code: string }).code, 'storage_corrupt');
    await put(at, 'ada/b', 'there');
    t.is(await run(at, 'ada/f', 'read', 'b'), 'there');
  },
);

test.serial('many calls at once see the files of their user', async (t) => {
  await using at = await startWithGuest();
  const users = ['ada', 'bob'];
  for (const user of users) await put(at, `${user}/who`, user);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, each) => run(at, `${users[each % 2]}/f`, 'read', 'who')),
  );
  t.deepEqual(
    answers,
    Array.from({ length: 200 }, (_, each) => users[each % 2]),
  );
});

test.serial('a function with a runtime has its module and settings, and adds its own', async (t) => {
  await using at = await startWithGuest();
  const of = (runtime: string, settings: object = {}) => ({
    'X-Faasm-Runtime': runtime,
    'X-Faasm-Settings': JSON.stringify(settings),
  });
  const none = new Uint8Array(0);
  await put(at, 'ada/hello.txt', 'a script');
  await at.put('ada/reader', await guest(), { 'X-Faasm-Arg': 'read', 'X-Faasm-Env': 'A=1' });
  t.is(
    (await at.put('ada/hello', none, of('reader', { args: ['/hello.txt'], env: { B: '2' } }))).status,
    200,
  );
  t.is(await run(at, 'ada/hello'), 'a script');
  t.is(await run(at, 'ada/hello', 'size', 'hello.txt'), 'a script|8');
  await put(at, 'ada/hello.txt', 'another script');
  t.is(await run(at, 'ada/hello'), 'another script');
  const describe = async (name: string) =>
    (await (await fetch(`${at.url}/f/${name}`)).json()) as FunctionDescription;
  const [mine] = (await describe('ada/hello')).versions;
  const [its] = (await describe('ada/reader')).versions;
  t.is(mine!.module, its!.module);
  t.is(mine!.sizeBytes, its!.sizeBytes);
  t.deepEqual(mine!.settings, { args: ['read', '/hello.txt'], env: { A: '1', B: '2' }, cwd: '/' });

  for (const name of ['ada/reader', 'ada/f', 'ada/g', 'bob/f'])
    await fetch(`${at.url}/f/${name}`, { method: 'DELETE' });
  t.is(await run(at, 'ada/hello'), 'another script');
  await at.restart();
  t.is(await run(at, 'ada/hello'), 'another script');

  await refuses(t, at.put('ada/x', none, of('reader')), 404, /no runtime ada\/reader/);
  await refuses(t, at.put('ada/hello', none, of('hello')), 400, /its own runtime/);
  await refuses(t, at.put('ada/x', await guest(), of('hello')), 400, /has no module/);
  await refuses(t, at.put('ada/x', none, of('../x')), 400, /function name/);
  await refuses(t, at.put('bob/x', none, of('hello')), 404, /no runtime bob\/hello/);
  await refuses(t, at.put('ada/x', none), 400, /empty/);
});

test.serial('faasm deploy --runtime puts the script and its function', async (t) => {
  await using at = await startTestHost();
  const folder = await mkdtemp(join(tmpdir(), 'faasm-runtime-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'hello.txt'), 'a script');
  const environment = { FAASM_URL: at.url };
  const deploy = (...args: string[]) => faasm(['deploy', ...args], { environment, folder });
  const early = await deploy('ada/hello', 'hello.txt', '--runtime', 'reader');
  t.is(early.status, 1);
  t.regex(early.stderr, /There is no runtime ada\/reader/);
  await at.put('ada/reader', await guest(), { 'X-Faasm-Arg': 'read' });
  t.is(
    (await deploy('ada/hello', 'hello.txt', '--runtime', 'reader', '--arg', 'size', '--arg', '/tmp')).status,
    0,
  );
  t.deepEqual(await list(at, 'ada'), ['functions/hello/hello.txt']);
  t.regex(await run(at, 'ada/hello'), /^a script\|\d+$/);
  t.is((await deploy('ada/hello', 'hello.txt', 'hello.txt', '--runtime', 'reader')).status, 2);
});

test.serial('a NATS client writes and reads files', async (t) => {
  await using at = await startTestHost();
  const client = await connect({ port: at.host.natsPort! });
  const timeout = 10_000;
  await client.request('faasm.files.put.ada.lib=2Fa', 'by NATS', { timeout });
  t.is(await (await get(at, 'ada/lib/a')).text(), 'by NATS');
  t.is((await client.request('faasm.files.get.ada.lib=2Fa', '', { timeout })).string(), 'by NATS');
  const refused = await client.request('faasm.files.put.ada.=2E=2E', 'x', { timeout });
  t.is(refused.headers?.get('Faasm-Error'), 'bad_name');
  const nothing = client.request('faasm.files.eat.ada.a', 'x', { timeout });
  await t.throwsAsync(nothing, { message: /no responders/ });
  await client.close();
});

test.serial('faasm file puts a folder, lists, gets and deletes', async (t) => {
  await using at = await startTestHost();
  const folder = await mkdtemp(join(tmpdir(), 'faasm-put-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'a/b'), { recursive: true });
  for (const path of ['x', 'a/y', 'a/b/ü z']) await writeFile(join(folder, path), `of ${path}`);
  const environment = { FAASM_URL: at.url };
  const file = async (...args: string[]) => {
    const { status, stdout, stderr } = await faasm(['file', ...args], { environment, stdin: 'from stdin' });
    return status === 0 ? stdout.toString() : `${status} ${stderr}`;
  };
  t.is(await file('put', 'ada/lib', folder), '');
  t.is(await file('put', 'bob', folder, '--json'), '{"written":"bob","files":3}\n');
  t.is(await file('put', 'ada/in', '-'), '');
  t.deepEqual(await list(at, 'ada'), ['in', 'lib/a/b/ü z', 'lib/a/y', 'lib/x']);
  t.deepEqual(await list(at, 'bob'), ['a/b/ü z', 'a/y', 'x']);
  t.is(await file('get', 'ada/lib/a/b/ü z'), 'of a/b/ü z');
  t.is(await file('get', 'ada/in'), 'from stdin');
  t.regex(await file('ls', 'ada/lib/a'), /^PATH +BYTES +MODIFIED\nlib\/a\/b\/ü z +11 .*\nlib\/a\/y +6 .*\n$/);
  t.regex(await file('rm', 'ada/lib'), /^1 .*it is a folder/s);
  t.is(await file('rm', 'ada/lib/'), '');
  t.deepEqual(await list(at, 'ada'), ['in']);
  t.regex(await file('rm', 'ada'), /^2 /);
  t.regex(await file('put', 'ada/../x', folder), /^2 /);
  t.regex(await file('put', 'ada/x', join(folder, 'none')), /^1 .*no such file or folder/s);
  t.regex(await file('put', 'ada', join(folder, 'x')), /^2 /);
});

test.serial('a kill in the middle of writes leaves each file old or new', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'faasm-killed-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  const sizeBytes = 3_000_000;
  const contentOf = (version: number) => new Uint8Array(sizeBytes).fill(version);
  let acknowledged = 0;
  let version = 0;
  for (let kills = 0; kills < 3; kills++) {
    const host = startCommand(['start', '--json', '--data', data], tmpdir());
    await host.said(/^\{.*"http":.*\}\n$/);
    const url = (JSON.parse(host.stdout) as { http: [string] }).http[0];
    if (version > 0) {
      const found = new Uint8Array(await (await fetch(`${url}/file/ada/a`)).arrayBuffer());
      t.is(found.length, sizeBytes);
      t.true(found.every((byte) => byte === found[0]));
      t.true(found[0]! >= acknowledged && found[0]! <= version);
    }
    const writing = (async () => {
      for (;;) {
        const body = contentOf(++version);
        const { ok } = await fetch(`${url}/file/ada/a`, { method: 'PUT', body });
        if (ok) acknowledged = version;
      }
    })().catch(() => {});
    const wanted = acknowledged + 5;
    while (acknowledged < wanted) await new Promise((resolve) => setTimeout(resolve, 1));
    host.kill('SIGKILL');
    await host.exit;
    await writing;
  }
});
