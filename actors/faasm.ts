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
import { createProgress, type Progress } from '../src/cli/progress.ts';
import { runCli } from '../src/cli/run.ts';
import type { Config } from '../src/config/config.ts';
import type { ComingFunctions } from '../src/functions/coming.ts';
import type { Host } from '../src/host/port.ts';
import type { Log } from '../src/log.ts';
import type { Dev, DevSummary } from './dev.ts';
import type { LastNet } from './last-net.ts';

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
  async guestStreams(config) {
    const [{ guestStreams }, { allowTables }] = await Promise.all([
      import('./guest-streams.ts'),
      import('./v8-flags.ts'),
    ]);
    allowTables(config.modules.tableMaxElements);
    return guestStreams;
  },
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
  let callsUnderWay = (): number => 0;
  const stopping = stopRequested((status) => {
    process.stderr.write(`Ended at once, with ${toCalls(callsUnderWay())} under way\n`);
    exit(status);
  });
  await import('./v8-flags.ts');
  const [{ startHost }, { nodeHostPowers }, { createLog }, { spreadLastNet }] = await Promise.all([
    import('./start.ts'),
    import('./node-powers.ts'),
    import('../src/log.ts'),
    import('./last-net.ts'),
  ]);
  const progress = process.stderr.isTTY && !options.json ? createProgress(process.stderr) : undefined;
  const log = createLog({ level: config.logLevel, tell: progress?.note });
  for (const note of options.notes) log('host').warn(note);
  const { caught, endWithin } = (net = spreadLastNet(log));
  const told = new AbortController();
  void stopping.then(() => told.abort());
  const pipe = { input: process.stdin, output: process.stdout };
  const coming = options.dev ? await createComing() : undefined;
  const starting = startHost(config, { powers: nodeHostPowers, log, pipe, coming, stopping: told.signal });
  const host = await Promise.race([starting, caught.then(() => undefined)]);
  // It has taken nothing that could be finished.
  if (host === undefined) exit(1);
  callsUnderWay = host.callsUnderWay;
  const dev =
    coming === undefined ? undefined : await develop({ config, host, coming, log: log('dev'), progress });
  const summary = await Promise.race([dev?.ready, stopping.then(() => undefined)]);
  progress?.show('');
  if (dev === undefined || summary !== undefined) {
    await announce(config, host, progress === undefined, summary);
    const wasReady = host.unreadyWhy() === '';
    void host.whenReady().then(() => {
      if (progress === undefined || !wasReady) log('host').info(`Faasm host ${host.id} is ready`);
    });
  }

  const pipeEnded = host.pipeEnded.then(
    () => ({ pipe: 'ended' }),
    (broken: unknown) => ({ pipe: 'broken', broken }),
  );
  const end = await Promise.race([pipeEnded, caught, stopping.then((signal) => ({ signal }))]);
  endWithin(config.drain.endTimeoutMs);
  const broken = 'broken' in end ? end.broken : undefined;
  const waited = `waiting for ${toCalls(host.callsUnderWay())}, ${config.drain.timeoutMs / 1000} s at most`;
  log('host').info({ ...end, broken: undefined }, `${waited}; Ctrl-C ends at once`);
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

async function createComing(): Promise<ComingFunctions> {
  return new (await import('../src/functions/coming.ts')).ComingFunctions();
}

interface Development {
  readonly config: Config;
  readonly host: Host;
  readonly coming: ComingFunctions;
  readonly log: Log;
  /** Where people look on; else all that is said goes to the log. */
  readonly progress: Progress | undefined;
}

async function develop({ config, host, coming, log, progress }: Development): Promise<Dev> {
  const [{ startDev }, { buildCached }, { stopToolchain }, { readGuestKitAgain }] = await Promise.all([
    import('./dev.ts'),
    import('../src/build/build-cached.ts'),
    import('../src/build/build-module.ts'),
    import('../src/build/guest-kit.ts'),
  ]);
  const dev = startDev({
    folder: 'func',
    cacheFolder: config.build.cacheFolder ?? join(config.dataFolder, 'cache'),
    host,
    build: (options) => buildCached({ ...options, stepMaxMs: config.build.stepMaxMs }),
    readKit: readGuestKitAgain,
    coming,
    note: (text) => (progress === undefined ? log.info(text) : progress.note(text)),
    progress: ({ done, all, doing }) => progress?.show(`${done} of ${all} functions are live: ${doing}`),
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
  json: boolean,
  summary: DevSummary | undefined,
): Promise<void> {
  const [{ toAnnouncement, toPlaceJson }, { showSocketAddress }] = await Promise.all([
    import('../src/cli/banner.ts'),
    import('../src/receive/socket-address.ts'),
  ]);
  const place = {
    host: host.id,
    listen: config.http.listen,
    httpPorts: host.httpPorts,
    natsPort: host.natsPort,
    natsUrl: config.nats?.url.join(',') ?? '',
    prefix: config.prefix,
    socket: host.socket && showSocketAddress(host.socket),
  };
  const text = json
    ? `${JSON.stringify({ ...toPlaceJson(place), ...summary })}\n`
    : toAnnouncement(place, performance.now(), summary, host.unreadyWhy());
  // With a pipe, standard output has results alone.
  const out = config.waysIn.includes('pipe') ? process.stderr : process.stdout;
  out.write(text);
}

function toCalls(count: number): string {
  return count === 1 ? '1 call' : `${count} calls`;
}

/** Resolves with the first signal to stop; the second one ends the process at once. */
function stopRequested(endAtOnce: (status: number) => void): Promise<StopSignal> {
  return new Promise((resolve) => {
    let first: { signal: StopSignal; atMs: number } | undefined;
    for (const signal of Object.keys(signalNumbers) as StopSignal[]) {
      process.on(signal, () => {
        const atMs = performance.now();
        if (first === undefined) {
          first = { signal, atMs };
          resolve(signal);
        } else if (signal !== first.signal || atMs - first.atMs > sameSignalMs) {
          endAtOnce(128 + signalNumbers[signal]);
        }
      });
    }
  });
}
