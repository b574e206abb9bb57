/** An HTTP bridge on free ports, with parts on the bus that answer as the real ones would. */
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { type HttpBridgeOptions, startHttpBridge } from '../../actors/http-bridge.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import type { BusMessage } from '../../src/bus/port.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Log } from '../../src/log.ts';
import { nodePowers } from '../../src/power/node.ts';
import { Readiness } from '../../src/readiness.ts';

export const subjects = createPublicSubjects();

const silent = () => {};
export const silentLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

export type LogLine = Readonly<Record<string, unknown>>;

export async function startBridge(
  t: ExecutionContext,
  config: Partial<HttpBridgeOptions['config']> = {},
  readiness: HttpBridgeOptions['readiness'] = new Readiness(),
) {
  const bus = createMemoryBus({ powers: nodePowers });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const logged: LogLine[] = [];
  const note = (level: string) => (what: object, text: string) => void logged.push({ level, ...what, text });
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } as Log;
  const bridge = await startHttpBridge({
    random: nodePowers.random,
    bus,
    privateBus,
    subjects,
    config: { ...loadConfig().http, ports: [0, 0], ...config },
    log,
    readiness,
  });
  t.teardown(async () => {
    await bus.close();
    await privateBus.close();
    await bridge.close(30_000);
  });
  const [invokePort, uploadPort] = bridge.ports;
  const at = (port: number | undefined) => (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      ...(init?.body && { duplex: 'half' }),
    } as RequestInit);
  return {
    bus,
    privateBus,
    bridge,
    logged,
    port: invokePort!,
    fetch: at(invokePort),
    fetchUpload: at(uploadPort),
  };
}

/** All that a subject gets from now on. */
export function collect(bus: ReturnType<typeof createMemoryBus>, subject: string): BusMessage[] {
  const messages: BusMessage[] = [];
  bus.subscribe(subject, (message) => void messages.push(message));
  return messages;
}

/** Sends bytes as they are, and resolves with all that comes back until the connection ends. */
export function exchangeRaw(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => (text += data));
    socket.on('close', () => resolve(text));
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('connect', () => {
      for (const part of parts) socket.write(part);
    });
  });
}

/** Resolves once the condition holds; the test's own time limit is the only one. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A body that is sent in chunks, with no length. */
export function streamOf(...chunks: Uint8Array[]): BodyInit {
  return Readable.toWeb(Readable.from(chunks)) as BodyInit;
}
