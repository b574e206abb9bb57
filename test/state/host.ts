/** One host's state actor on a memory bus, and executors' local tiers beside it, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { startState } from '../../actors/state.ts';
import type { HostId } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { createAskHost } from '../../src/asks/asks.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import type { Bus } from '../../src/bus/port.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Log } from '../../src/log.ts';
import { nodePowers } from '../../src/power/node.ts';
import type { StateConfig } from '../../src/state/core/config.ts';
import type { StateStore } from '../../src/state/stores/port.ts';
import { createSqliteStateStore } from '../../src/state/stores/sqlite-store.ts';
import { type AskState, createLocalTier } from '../../src/state/tier/local-tier.ts';
import type { AllocateData, SegmentData } from '../../src/state/tier/segment.ts';

export const subjects = createPublicSubjects();

const silent = () => {};
export const noLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

export interface HostOptions {
  readonly dataFolder?: string;
  readonly config?: Partial<StateConfig>;
  readonly allocate?: AllocateData;
  readonly release?: (data: SegmentData) => void;
  /** @default one in SQLite */
  readonly store?: StateStore;
  /** Puts something between the actor and its store. */
  readonly wrap?: (store: StateStore) => StateStore;
  readonly maxPayloadBytes?: number;
}

export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'faasm-state-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function startHost(t: ExecutionContext, options: HostOptions = {}) {
  const { dataFolder = temporaryFolder(t), wrap = (same) => same, maxPayloadBytes } = options;
  const bus = createMemoryBus({
    powers: nodePowers,
    ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
  });
  const privateBus = createMemoryBus({ powers: nodePowers });
  const opened = options.store ?? (await createSqliteStateStore({ dataFolder }));
  const store = wrap(opened);
  const config = { ...loadConfig().state, ...options.config };
  const { allocate, release } = options;
  const actor = await startState({
    powers: nodePowers,
    host: 'test' as HostId,
    bus,
    privateBus,
    subjects,
    store,
    config,
    log: noLog,
    ...(allocate && { allocate }),
    ...(release && { release }),
  });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await actor.stop(30_000).finally(() => opened.close());
  };
  t.teardown(async () => {
    await stop().catch(() => {});
    await bus.close();
    await privateBus.close();
  });
  const ask = askOver(privateBus);
  return {
    bus,
    privateBus,
    store,
    actor,
    stop,
    ask,
    executor: (owner: string) => createLocalTier({ timers: nodePowers.timers, owner, ask }),
  };
}

/** As an executor asks. */
export function askOver(privateBus: Bus): AskState {
  const ask = createAskHost(privateBus);
  return (op, user, key, value) => ask('state', op, user, { key, value });
}
