/**
 * The HTTP bridge.
 *
 * In:   HTTP requests, on two ports that serve the same routes; `event.calls.<user>` for those who follow
 *       logs; inside, `function.changed`
 * Out:  `invoke`, `async`, `calls`, `functions`, `state`, `files` requests; `cancel` when a client leaves; inside,
 *       `console` requests
 * Owns: its listening ports and the connections to them
 * Never: runs or keeps a function, a value or a call itself
 */
import { setMaxListeners } from 'node:events';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { expectAnswer } from '../src/bus/error-headers.ts';
import { type Bus, emptyBody, readBody } from '../src/bus/port.ts';
import { createCallIds } from '../src/calls/call-id.ts';
import { functionChangedCodec } from '../src/functions/messages.ts';
import type { HttpConfig } from '../src/http/config.ts';
import { createDispatch } from '../src/http/dispatch.ts';
import type { HeldMemory, HttpParts } from '../src/http/exchange.ts';
import { KnownSettings } from '../src/http/known-settings.ts';
import { createHttpPort } from '../src/http/server.ts';
import type { Log } from '../src/log.ts';
import type { Random } from '../src/power/port.ts';
import { createRandomIds } from '../src/random-ids.ts';
import type { Readiness } from '../src/readiness.ts';

export interface HttpBridgeOptions {
  readonly random: Random;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly config: HttpConfig;
  readonly log: Log;
  /** @default any amount may be held */
  readonly memory?: HeldMemory;
  readonly readiness: Pick<Readiness, 'why' | 'degraded'>;
}

const anyAmount: HeldMemory = { hasRoom: () => true, hold: () => () => {} };

export interface HttpBridge {
  /** As they are, also where any free port was asked for. */
  readonly ports: readonly number[];
  /** Takes no more requests, and resolves when those under way are answered, after at most so long. */
  close(drainTimeoutMs: number): Promise<void>;
}

/** @throws FaasmError `conflict` that names the port and its setting when something else listens there */
export async function startHttpBridge(options: HttpBridgeOptions): Promise<HttpBridge> {
  const { random, bus, privateBus, subjects, config, log, readiness } = options;
  const closing = new AbortController();
  // Each follower of a log hears of it.
  setMaxListeners(0, closing.signal);
  const functions = new KnownSettings(bus, subjects);
  const changes = privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
    const { user, name } = readBody(message, functionChangedCodec);
    functions.changed(user, name);
  });
  const parts: HttpParts = {
    memory: options.memory ?? anyAmount,
    functions,
    bus,
    subjects,
    config,
    log,
    newId: createRandomIds(random),
    newCallId: createCallIds(random),
    console: async (page) => expectAnswer(await privateBus.request(privateSubjects.console(page), emptyBody)),
    closing: closing.signal,
  };
  const dispatch = createDispatch({ parts, readiness });
  const ways = config.ports.map(() => createHttpPort(config, dispatch));
  const close = async (drainTimeoutMs: number): Promise<void> => {
    closing.abort();
    changes.unsubscribe();
    await Promise.all(ways.map((way) => way.close(drainTimeoutMs)));
  };
  const ports: number[] = [];
  try {
    for (const [place, way] of ways.entries()) {
      ports.push(await way.listen(config.ports[place]!, config.listen, place));
    }
  } catch (thrown) {
    await close(0);
    throw thrown;
  }
  log.info({ address: config.listen, ports }, 'HTTP is served');
  if (!isLoopback(config.listen)) {
    log.warn(
      { address: config.listen },
      'whoever reaches this address may call, upload and delete everything, as there are no tokens; set FAASM_LISTEN to 127.0.0.1, or let nobody else through',
    );
  }
  return { ports, close };
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}
