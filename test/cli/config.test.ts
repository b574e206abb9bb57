/** `faasm config`, as the real command. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { settingNames } from '../../src/config/settings.ts';
import { faasm } from './_faasm.ts';

const folder = await mkdtemp(join(tmpdir(), 'faasm-config-'));
await writeFile(join(folder, 'faasm.json'), '{"executors_max": 5, "s3_secret_key": "hush"}');
await writeFile(join(folder, 'password'), 'hush\n');
test.after.always(() => rm(folder, { recursive: true, force: true }));

const environment = {
  FAASM_CALL_TIMEOUT_MS: '90000',
  FAASM_HTP_PORT: '1',
  NATS_URL: 'nats://me:hush@one:4222',
  NATS_PASSWORD_FILE: 'password',
};
const args = ['config', '--config', 'faasm.json', '--input-max-bytes', '1GiB'];

test('faasm config tells what is in force and where it comes from, and no secret', async (t) => {
  const run = await faasm(args, { folder, environment });
  t.is(run.status, 0);
  t.is(
    run.stderr,
    'faasm: "FAASM_HTP_PORT" in the environment is no setting; did you mean FAASM_HTTP_PORT?\n',
  );
  const text = run.stdout.toString();
  t.regex(text, /^setting +value +from\n/);
  t.regex(text, /^FAASM_INPUT_MAX_BYTES +1GiB +flag$/m);
  t.regex(text, /^FAASM_CALL_TIMEOUT_MS +90s +environment$/m);
  t.regex(text, /^FAASM_EXECUTORS_MAX +5 +file$/m);
  t.regex(text, /^FAASM_HTTP_PORT +8001 +default$/m);
  t.regex(text, /^FAASM_S3_SECRET_KEY +\(secret\) +file$/m);
  t.regex(text, /^NATS_PASSWORD +\(secret\) +secret file$/m);
  t.regex(text, /^NATS_URL +nats:\/\/me:…@one:4222 +environment$/m);
  t.false(text.includes('hush'));
  t.deepEqual((await readdir(folder)).sort(), ['faasm.json', 'password'], 'nothing was opened');
});

test('faasm config --json tells the same to machines', async (t) => {
  const run = await faasm([...args, '--json'], { folder, environment });
  const told = JSON.parse(run.stdout.toString());
  t.deepEqual(Object.keys(told), settingNames);
  t.deepEqual(told.FAASM_INPUT_MAX_BYTES, { value: '1GiB', from: 'flag' });
  t.deepEqual(told.NATS_PASSWORD, { value: null, from: 'secret file' });
  t.deepEqual(told.NATS_NKEY, { value: '', from: 'default' });
  t.false(run.stdout.includes('hush'));
});

for (const command of ['config', 'start']) {
  test(`faasm ${command} names all settings that are wrong`, async (t) => {
    const wrong = { FAASM_MEMORY: 'much', FAASM_STATE: 'redis' };
    const run = await faasm([command, '--http-port', 'x'], { folder, environment: wrong });
    t.is(run.status, 2);
    t.is(run.stdout.toString(), '');
    t.true(
      run.stderr.startsWith(
        'faasm: 3 settings are wrong:\n' +
          '  FAASM_HTTP_PORT (--http-port) is a port, 0 to 65535, not "x"\n' +
          '  FAASM_MEMORY (--memory) is one of auto, mapped, copy, not "much"\n' +
          '  FAASM_STATE is redis, which needs FAASM_REDIS_URL\n',
      ),
      run.stderr,
    );
  });
}
