import test from 'ava';
import { type Config, toConfig } from '../../src/config/config.ts';
import { readSettings } from '../../src/config/read.ts';

const from = (environment: Record<string, string> = {}): Config =>
  toConfig(readSettings({ environment }).settings, { cores: 4 });

test('toConfig() gives each part its own slice of the defaults', (t) => {
  const config = from();
  t.like(config, {
    cores: 4,
    prefix: 'faasm',
    nats: undefined,
    redisUrl: undefined,
    hostName: undefined,
    functionsPlace: undefined,
    objectsPlace: undefined,
    statePlace: { kind: 'sqlite' },
    waysIn: [],
    drain: { delayMs: 0, timeoutMs: 30_000 },
  });
  t.deepEqual(config.http.ports, [8001, 8002]);
  t.is(config.grants.size, 0);
});

test('toConfig() tells every part that has a limit the same', (t) => {
  const config = from({
    FAASM_INPUT_MAX_BYTES: '100MiB',
    FAASM_OUTPUT_MAX_BYTES: '200MiB',
    FAASM_MODULE_MAX_BYTES: '1MiB',
    FAASM_CALL_TIMEOUT_MS: '2m',
  });
  const inputs = [
    config.http,
    config.calls,
    config.scheduler.limits,
    config.pool.executor.limits,
    config.run,
    config,
  ];
  for (const part of inputs) t.is(part.inputMaxBytes, 100 * 2 ** 20);
  for (const part of [config.http, config.calls, config.scheduler, config]) t.is(part.callTimeoutMs, 120_000);
  t.is(config.redisQueue.limits.roomTimeoutMs, 120_000);
  for (const { heldMaxBytes } of [config.socket.limits, config.redisQueue.limits])
    t.is(heldMaxBytes, 200 * 2 ** 20);
  t.true(config.bus.payloadMaxBytes > 200 * 2 ** 20, 'with headers');
  t.true(config.socket.limits.frameMaxBytes > 100 * 2 ** 20, 'with metadata');
  t.true(config.files.retiredKeptMs > 120_000, 'longer than a call');
});

test('toConfig() has sizes in what a part counts', (t) => {
  const config = from({
    FAASM_MEMORY_MAX_MIB: '16',
    FAASM_COMPILE_MAX_MIB: '32MiB',
    FAASM_FAASLETS_MAX_MIB: '1GiB',
  });
  t.is(config.modules.memoryMaxPages, 256);
  t.is(config.modules.compileMaxBytes, 32 * 2 ** 20);
  t.is(config.pool.executor.faasletLimits.bytesMax, 2 ** 30);
});

test('toConfig() looks for changes of functions only where other hosts make some', (t) => {
  t.is(from().functions.refreshMs, 0);
  t.true(from({ FAASM_FUNCTIONS: 's3://bucket' }).functions.refreshMs > 0);
});

test('toConfig() gives what a NATS system is asked with', (t) => {
  const { nats } = from({ NATS_URL: 'one:4222, two', NATS_USER: 'me', NATS_CA: '/ca.pem' });
  t.like(nats, { url: ['one:4222', 'two'], user: 'me', password: undefined });
  t.deepEqual(nats?.tls, { cert: undefined, key: undefined, ca: '/ca.pem' });
  t.is(from({ NATS_URL: 'one' }).nats?.tls, undefined);
});

test('toConfig() ends a host only after its delay and its drain', (t) => {
  const { drain } = from({ FAASM_DRAIN_DELAY_MS: '5s', FAASM_DRAIN_TIMEOUT_MS: '1m' });
  t.true(drain.endTimeoutMs > 65_000);
});
