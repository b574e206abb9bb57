/** Programs that answer as the web servers of old want it: what they say of their response reaches the client. */

import test from 'ava';
import { connect, headers as natsHeaders } from 'nats';
import { buildModule, stopToolchain } from '../../src/build/build-module.ts';
import { faasm } from '../cli/_faasm.ts';
import { guests, startTestHost } from './_host.ts';

test.after.always(() => stopToolchain());

const cgi = { 'X-Faasm-Settings': '{"cgi":true}' };

/** With ada/f, whose response is what it is sent. */
async function startWithCgi() {
  const at = await startTestHost();
  await at.put('ada/f', guests.echo, cgi);
  const post = (response: string) =>
    fetch(`${at.url}/f/ada/f`, { method: 'POST', body: response, redirect: 'manual' });
  return { at, post, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}

test.serial('a CGI program gets a request, and its answer is the body of its response', async (t) => {
  await using at = await startTestHost();
  const text = `#include <stdio.h>
    #include <stdlib.h>
    int main(int argc, char** argv) {
      if (argc < 2) printf("Status: 200\\r\\nX-A: b\\r\\n\\r\\n");
      const char* names[] = {"REQUEST_METHOD", "CONTENT_LENGTH", "SCRIPT_NAME", "GATEWAY_INTERFACE", "A"};
      for (int at = 0; at < 5; at++) printf("%s\\n", getenv(names[at]) ? getenv(names[at]) : "-");
      return 0;
    }`;
  const { wasm } = await buildModule({ sources: [{ path: 'cgi.c', text }] });
  t.is((await at.put('ada/f', wasm, { 'X-Faasm-Settings': '{"cgi":true,"env":{"A":"own"}}' })).status, 200);
  t.is(await (await at.post('ada/f', 'seven b')).text(), 'POST\n7\n/f/ada/f\nCGI/1.1\nown\n');
  const given = { 'X-Faasm-Settings': '{"env":{"REQUEST_METHOD":"PUT","CONTENT_LENGTH":"9","A":"x"}}' };
  t.is(await (await at.post('ada/f', '', given)).text(), 'POST\n0\n/f/ada/f\nCGI/1.1\nown\n');
  t.is(
    await (await at.post('ada/f', '', { 'X-Faasm-Arg': 'x' })).text(),
    'POST\n0\n/f/ada/f\nCGI/1.1\nown\n',
  );
  t.is((await at.put('ada/g', wasm, { 'X-Faasm-Settings': '{"cgi":1}' })).status, 400);
});

test.serial('a CGI program learns of its request what RFC 3875 says', async (t) => {
  await using at = await startTestHost();
  const text = `#include <stdio.h>
    extern char** environ;
    int main() {
      printf("Content-Type: text/plain\\r\\n\\r\\n");
      for (char** each = environ; *each; each++) puts(*each);
      return 0;
    }`;
  const { wasm } = await buildModule({ sources: [{ path: 'cgi.c', text }] });
  t.is((await at.put('ada/f', wasm, cgi)).status, 200);
  const asked = async (path: string, init: RequestInit) =>
    new Set((await (await fetch(`${at.url}/f/ada/f${path}`, init)).text()).split('\n'));
  const put = await asked('/some/p%C3%A4th?a=b&c', {
    method: 'PUT',
    body: '{}',
    headers: {
      'Content-Type': 'application/json',
      Cookie: 'x=y',
      Proxy: 'http://evil',
      'X-Faasm-Env': 'HTTP_PROXY=e',
    },
  });
  for (const one of [
    'REQUEST_METHOD=PUT',
    'PATH_INFO=/some/päth',
    'REQUEST_URI=/f/ada/f/some/p%C3%A4th?a=b&c',
    'QUERY_STRING=a=b&c',
    'CONTENT_TYPE=application/json',
    'CONTENT_LENGTH=2',
    'HTTP_COOKIE=x=y',
    'REMOTE_ADDR=127.0.0.1',
    `SERVER_PORT=${at.host.httpPorts[0]}`,
    'SERVER_NAME=127.0.0.1',
  ])
    t.true(put.has(one), one);
  t.false([...put].some((one) => one.startsWith('HTTP_PROXY')));
  const get = await asked('?x', { method: 'GET' });
  t.true(get.has('REQUEST_METHOD=GET') && get.has('QUERY_STRING=x'));
  t.false([...get].some((one) => one.startsWith('CONTENT_LENGTH') || one.startsWith('PATH_INFO')));
  const head = await fetch(`${at.url}/f/ada/f/x`, { method: 'HEAD' });
  t.is(head.headers.get('content-type'), 'text/plain');
  t.is(await head.text(), '');
});

test.serial('status and headers of a CGI program reach the HTTP client', async (t) => {
  await using started = await startWithCgi();
  const { post } = started;
  const page = await post(
    'Status: 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' +
      'Cache-Control: no-store\r\nX-Mine: yes\r\n\r\n<p>nothing here',
  );
  t.is(page.status, 404);
  t.is(await page.text(), '<p>nothing here');
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8');
  t.deepEqual(page.headers.getSetCookie(), ['a=1', 'b=2']);
  t.is(page.headers.get('cache-control'), 'no-store');
  t.is(page.headers.get('x-mine'), 'yes');
  t.is(page.headers.get('x-faasm-status'), '404');
  t.is(page.headers.get('content-security-policy'), 'sandbox allow-forms allow-scripts');

  const elsewhere = await post('Location: https://example.org/\n\n');
  t.deepEqual([elsewhere.status, elsewhere.headers.get('location')], [302, 'https://example.org/']);

  const nothing = await post('Status: 204\n\nnot sent');
  t.deepEqual([nothing.status, await nothing.text(), nothing.headers.get('content-length')], [204, '', null]);

  const plain = await post('no headers\n\nat all');
  t.deepEqual([plain.status, await plain.text()], [200, 'no headers\n\nat all']);
  t.is(plain.headers.get('x-faasm-status'), null);
  t.is(plain.headers.get('content-type'), 'application/octet-stream');
});

test.serial('what is not for a CGI program to say does not reach the HTTP client', async (t) => {
  await using started = await startWithCgi();
  const names = [
    'Connection',
    'Keep-Alive',
    'Transfer-Encoding',
    'Upgrade',
    'Trailer',
    'TE',
    'Proxy-Authenticate',
    'Content-Length',
    'X-Faasm-Output',
    'X-Request-Id',
    'Faasm-Call-Id',
    'traceparent',
    'Service-Worker-Allowed',
    'Clear-Site-Data',
    'Strict-Transport-Security',
    'Alt-Svc',
  ];
  const answer = await started.post(`${names.map((name) => `${name}: 7777`).join('\n')}\nX-Ok: 7777\n\nbody`);
  t.is(answer.status, 200);
  t.is(await answer.text(), 'body');
  t.deepEqual(
    [...answer.headers].filter(([, value]) => value.includes('7777')),
    [['x-ok', '7777']],
  );
  t.is(answer.headers.get('content-length'), '4');
});

test.serial('a CGI program may have so many headers and no more', async (t) => {
  await using started = await startWithCgi();
  const refused = await started.post('A: b\n'.repeat(101));
  t.is(refused.status, 500);
  t.regex(await refused.text(), /more than 100 headers[\s\S]*"fault":"too_large"/);
  const large = await started.post(`A: ${'b'.repeat(20_000)}\n\n`);
  t.is(large.status, 500);
  t.regex(await large.text(), /more than 16384 bytes/);
});

test.serial('a NATS client that sends headers gets those of a CGI program', async (t) => {
  await using started = await startWithCgi();
  const client = await connect({ port: started.at.host.natsPort! });
  t.teardown(() => client.close());
  const headers = natsHeaders();
  headers.append('Faasm-Timeout', '10s');
  const answer = await client.request('faasm.invoke.ada.f', 'Status: 404\nA: b\nA: \xfc\n\nbody', {
    headers,
    timeout: 10_000,
  });
  t.is(answer.string(), 'body');
  t.is(answer.headers?.get('Faasm-Status'), '404');
  t.deepEqual(answer.headers?.values('Faasm-Header'), ['A: b', 'A: \xc3\xbc']);
});

test.serial('faasm invoke gives the body of a CGI program, whatever its status', async (t) => {
  await using started = await startWithCgi();
  const environment = { FAASM_URL: started.at.url };
  const { status, stdout, stderr } = await faasm(['invoke', 'ada/f', '-d', 'Status: 404\n\nbody'], {
    environment,
  });
  t.deepEqual([status, stdout.toString(), stderr], [0, 'body', '']);
});
