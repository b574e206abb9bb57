import test from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import {
  readCallArguments,
  readFunctionSettings,
  toHeaderJson,
  toSettingsHeaders,
} from '../../src/bus/settings-headers.ts';

test('readFunctionSettings() takes each argument and variable from a header of its own', (t) => {
  const headers = { 'Faasm-Arg': ['-v', ''], 'Faasm-Env': ['A=1', 'B=x=y', 'A=2'], 'Faasm-Cwd': ['/data'] };
  t.deepEqual(readFunctionSettings(headers), { args: ['-v', ''], env: { A: '2', B: 'x=y' }, cwd: '/data' });
  t.deepEqual(readFunctionSettings(undefined), noSettings);
});

test('readFunctionSettings() reads what toSettingsHeaders() wrote, whatever it is', (t) => {
  const settings = { args: ['a\nb', ' c ', 'é€😀'], env: { 'K-1': '\u0001\u2028' }, cwd: '/ü' };
  const headers = toSettingsHeaders(settings);
  t.regex(headers['Faasm-Settings']![0]!, /^[ -~]*$/);
  t.deepEqual(readFunctionSettings(headers), settings);
});

test('readFunctionSettings() adds single headers to the JSON', (t) => {
  const json = toHeaderJson({ args: ['a'], env: { A: '1' }, cwd: '/x' });
  const headers = { 'Faasm-Settings': [json], 'Faasm-Arg': ['b'], 'Faasm-Env': ['B=2'], 'Faasm-Cwd': ['/y'] };
  t.deepEqual(readFunctionSettings(headers), { args: ['a', 'b'], env: { A: '1', B: '2' }, cwd: '/y' });
});

for (const json of ['', '{', '[]', 'null', '7', '{"args":7}', '{"env":[]}', '{"env":null}', '{"x":1}']) {
  test(`readFunctionSettings() refuses ${json || 'nothing'} as JSON`, (t) => {
    t.throws(() => readFunctionSettings({ 'Faasm-Settings': [json] }), { code: 'bad_request' });
  });
}

test('readCallArguments() gives nothing for a call without any, and a call has no working directory', (t) => {
  t.is(readCallArguments({ 'Faasm-Call-Id': ['c1'] }), undefined);
  t.deepEqual(readCallArguments({ 'Faasm-Arg': ['x'] }), { args: ['x'], env: {} });
  const headers = { 'Faasm-Settings': ['{"cwd":"/x"}'] };
  t.throws(() => readCallArguments(headers), { message: /A call is given args, env/ });
});
