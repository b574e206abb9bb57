/** Objects of functions, in an S3-compatible store. */
import test from 'ava';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { startS3Server } from '../_servers/s3-server.ts';
import { startTestHost, type TestHost } from './_host.ts';

test.after.always(() => stopToolchain());

const program = `
#include <stdio.h>
#include <string.h>
#include "faasm/host_interface.h"
int main(int argc, char** argv) {
  if (strcmp(argv[1], "put") == 0) return __faasm_s3_add_key_bytes(argv[2], argv[3], argv[4], strlen(argv[4]));
  if (strcmp(argv[1], "get") == 0) {
    uint8_t* bytes; int length;
    int failed = __faasm_s3_get_key_bytes(argv[2], argv[3], &bytes, &length);
    printf("%.*s", length, (char*)bytes);
    return failed;
  }
  int isBuckets = strcmp(argv[1], "buckets") == 0;
  int n = isBuckets ? __faasm_s3_get_num_buckets() : __faasm_s3_get_num_keys(argv[2]);
  char* names[16]; int lengths[16];
  if (isBuckets) __faasm_s3_list_buckets(names, lengths); else __faasm_s3_list_keys(argv[2], names, lengths);
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
