#!/usr/bin/env node
/**
 * The `faasm` command: the one program of the system.
 *
 * In:   arguments, environment, standard input, signals
 * Out:  standard output, standard error, the exit status
 * Owns: the process
 * Never: does what a command does; that is in src/cli, and a host is in start.ts
 */
import { join } from 'node:path';
import { FaasmError } from '../proto/errors.ts';
import type { ServeOptions, World } from '../src/cli/command.ts';
import { runCli } from '../src/cli/run.ts';
import type { Config } from '../src/config.ts';

import type { Dev, DevSummary } from './dev.ts';
import type { LastNet } from './last-net.ts';
import type { Host } from './start.ts';

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;
type StopSignal = keyof typeof signalNumbers;

/** npm passes on a signal that its whole process group has got already; within this time it is the same one. */
const sameSignalMs = 100;

const world: World = {
  environment: process.env,
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  serve,
  guestStreams: async () => (await import('./guest-streams.ts')).guestStreams,
};

let serving = false;
/** Of a host; nothing before it starts. */
let net: LastNet | undefined;

// Whoever read the result, or the log, has seen enough; a host goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => {
    if (!serving) process.exit();
  });
}
const status = await runCli(process.argv.slice(2), world);
if (serving) exit(status);
process.exitCode = status;

/** Resolves when the host has stopped, which a signal makes it do. */
async function serve(config: Config, options: ServeOptions): Promise<void> {
  serving = true;
  const stopping = stopRequested();
  await import('./v8-flags.ts');
  const [{ startHost }, { createLog }, { spreadLastNet }, { toEndTimeoutMs }] = await Promise.all([
    import('./start.ts'),
    import('../src/log.ts'),
    import('./last-net.ts'),
    import('./slices.ts'),
  ]);
  const pretty = process.stderr.isTTY && !options.json;
  const log = createLog({ level: config.FAASM_LOG_LEVEL, pretty });
  const { caught, endWithin } = (net = spreadLastNet(log));
  const starting = startHost(config, { log, pipe: { input: process.stdin, output: process.stdout } });
  const host = await Promise.race([starting, caught.then(() => undefined)]);
  // It has taken nothing that could be finished.
  if (host === undefined) exit(1);
  const dev = options.dev ? await develop(config, host) : undefined;
  const summary = await Promise.race([dev?.ready, stopping.then(() => undefined)]);
  if (dev === undefined || summary !== undefined) await announce(config, host, options, summary);

  const pipeEnded = host.pipeEnded.then(
    () => ({ pipe: 'ended' }),
    (broken: unknown) => ({ pipe: 'broken', broken }),
  );
  const end = await Promise.race([pipeEnded, caught, stopping.then((signal) => ({ signal }))]);
  endWithin(toEndTimeoutMs(config));
  const broken = 'broken' in end ? end.broken : undefined;
  log('host').info(
    { ...end, broken: undefined },
    'stopping: calls under way are finished and state is saved',
  );
  await dev?.stop();
  await host.stop();
  log('host').info('stopped');
  if (broken !== undefined) throw broken;
  const bug = await Promise.race([caught, undefined]);
  if (bug !== undefined)
    throw new FaasmError('internal', `The host ended by a bug in ${bug.uncaught}; its log says which`);
}

function exit(status: number): never {
  return net === undefined ? process.exit(status) : net.exit(status);
}

async function develop(config: Config, host: Host): Promise<Dev> {
  const [{ startDev }, { buildCached }, { stopToolchain }, { readGuestKitAgain }] = await Promise.all([
    import('./dev.ts'),
    import('../src/build/build-cached.ts'),
    import('../src/build/build-module.ts'),
    import('../src/build/guest-kit.ts'),
  ]);
  const dev = startDev({
    folder: 'func',
    cacheFolder: config.FAASM_BUILD_CACHE || join(config.FAASM_DATA, 'cache'),
    host,
    build: buildCached,
    readKit: readGuestKitAgain,
    note: (text) => process.stderr.write(`${text}\n`),
  });
  return {
    ready: dev.ready,
    async stop() {
      const stopped = dev.stop();
      await stopToolchain();
      await stopped;
    },
  };
}

async function announce(
  config: Config,
  host: Host,
  { json }: ServeOptions,
  summary: DevSummary | undefined,
): Promise<void> {
  const [{ toAnnouncement, toPlaceJson }, { showSocketAddress }, { toWaysIn }] = await Promise.all([
    import('../src/cli/banner.ts'),
    import('../src/receive/socket-address.ts'),
    import('../src/receive/ways-in.ts'),
  ]);
  const place = {
    host: host.id,
    listen: config.FAASM_LISTEN,
    httpPorts: host.httpPorts,
    natsPort: host.natsPort,
    natsUrl: config.NATS_URL,
    prefix: config.FAASM_PREFIX,
    socket: host.socket && showSocketAddress(host.socket),
  };
  const text = json
    ? `${JSON.stringify({ ...toPlaceJson(place), ...summary })}\n`
    : toAnnouncement(place, performance.now(), summary);
  // With a pipe, standard output has results alone.
  const out = toWaysIn(config.FAASM_RECEIVE).has('pipe') ? process.stderr : process.stdout;
  out.write(text);
}

/** Resolves with the first signal to stop; the second one ends the process at once. */
function stopRequested(): Promise<StopSignal> {
  return new Promise((resolve) => {
    let first: { signal: StopSignal; atMs: number } | undefined;
    for (const signal of Object.keys(signalNumbers) as StopSignal[]) {
      process.on(signal, () => {
        const atMs = performance.now();
        if (first === undefined) {
          first = { signal, atMs };
          resolve(signal);
        } else if (signal !== first.signal || atMs - first.atMs > sameSignalMs) {
          exit(128 + signalNumbers[signal]);
        }
      });
    }
  });
}
