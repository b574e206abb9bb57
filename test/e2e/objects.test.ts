/** Objects of functions, in an S3-compatible store. */
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startS3Server } from '../_servers/s3-server.ts';
import { startTestHost, type TestHost } from './_host.ts';

test.after.always(() => stopToolchain());

const program = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HOST(name) __attribute__((import_module("env"), import_name(#name))) extern
HOST(__faasm_s3_get_num_buckets) int count_buckets(void);
HOST(__faasm_s3_list_buckets) void list_buckets(void*, int*);
HOST(__faasm_s3_get_num_keys) int count_keys(const char*);
HOST(__faasm_s3_list_keys) void list_keys(const char*, void*, int*);
HOST(__faasm_s3_add_key_bytes) int add(const char*, const char*, void*, int);
HOST(__faasm_s3_get_key_bytes) int get(const char*, const char*, void*, int*);
__attribute__((export_name("malloc"))) void* exported(size_t size) { return malloc(size); }
int main(int argc, char** argv) {
  if (strcmp(argv[1], "put") == 0) return add(argv[2], argv[3], argv[4], strlen(argv[4]));
  if (strcmp(argv[1], "get") == 0) {
    char* bytes; int length;
    int failed = get(argv[2], argv[3], &bytes, &length);
    printf("%.*s", length, bytes);
    return failed;
  }
  int isBuckets = strcmp(argv[1], "buckets") == 0;
  int n = isBuckets ? count_buckets() : count_keys(argv[2]);
  char* names[16]; int lengths[16];
  if (isBuckets) list_buckets(names, lengths); else list_keys(argv[2], names, lengths);
  for (int i = 0; i < n; i++) printf("%.*s,", lengths[i], names[i]);
  return 0;
}`;

async function start(settings: Record<string, string>): Promise<TestHost> {
  const at = await startTestHost(settings);
  const { wasm } = await buildModule({ sources: [{ path: 's3.c', text: program }] });
  for (const user of ['ada', 'bob']) {
    const put = await at.put(`${user}/s3`, wasm);
    if (!put.ok) throw new Error(await put.text());
  }
  return at;
}

const call = (at: TestHost, user: string, ...args: string[]) =>
  at.post(`${user}/s3`, '', { 'X-Faasm-Settings': JSON.stringify({ args }) });

test.serial('a function writes, lists and reads objects of its user, and of no other', async (t) => {
  await using server = await startS3Server();
  await using at = await start({
    FAASM_OBJECTS: 's3://test/objects',
    FAASM_S3_ENDPOINT: server.endpoint,
    FAASM_S3_ACCESS_KEY: server.accessKey,
    FAASM_S3_SECRET_KEY: server.secretKey,
  });
  const said = async (user: string, ...args: string[]) => (await call(at, user, ...args)).text();
  t.is(await said('ada', 'buckets'), '');
  for (const [bucket, key, text] of [
    ['first', 'a/b', 'one'],
    ['first', 'c', 'two'],
    ['second', 'd', 'three'],
  ] as const) {
    t.is(await said('ada', 'put', bucket, key, text), '');
  }
  t.is(await said('ada', 'buckets'), 'first,second,');
  t.is(await said('ada', 'keys', 'first'), 'a/b,c,');
  t.is(await said('ada', 'get', 'first', 'a/b'), 'one');
  t.deepEqual(server.keys('test'), ['objects/ada/first/a/b', 'objects/ada/first/c', 'objects/ada/second/d']);
  t.is(await said('bob', 'buckets'), '');
  t.is((await call(at, 'bob', 'get', 'first', 'c')).status, 500);
  for (const key of ['../../ada/first/c', 'a//b', '.']) {
    const refused = await call(at, 'bob', 'get', 'first', key);
    t.is(refused.status, 500, key);
    t.regex(await refused.text(), /Bad key of an object/);
  }
  t.is((await call(at, 'bob', 'get', '../ada', 'c')).status, 500);
});

test.serial('a host without a place for objects says so', async (t) => {
  await using at = await start({});
  const answer = await call(at, 'ada', 'buckets');
  t.is(answer.status, 500);
  t.regex(await answer.text(), /set FAASM_OBJECTS/);
});
