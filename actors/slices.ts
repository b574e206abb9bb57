/** What each part is told of the settings, and nothing else. */

import { availableParallelism } from 'node:os';
import { FaasmError } from '../proto/errors.ts';
import { toStateAccess } from '../proto/function-settings.ts';
import type { HostId } from '../proto/names.ts';
import { quote } from '../proto/names.ts';
import { metadataMaxBytes } from '../src/calls/limits.ts';
import { type CallsConfig, defaultCallsConfig } from '../src/calls/queue-config.ts';
import type { Config } from '../src/config.ts';
import { toHostStores } from '../src/hosts/stores.ts';
import type { HttpConfig } from '../src/http/config.ts';
import type { MemoryPort } from '../src/memory/port.ts';
import { defaultStateConfig, type StateConfig } from '../src/state/core/config.ts';
import type { ModuleLimits } from '../src/wasm/inspect.ts';
import type { HostIdentity } from '../src/worker-pool/reports.ts';
import type { FilesOptions } from './files.ts';
import type { FunctionsOptions } from './functions.ts';
import type { RedisAdapterOptions } from './redis-adapter.ts';
import type { SchedulerOptions } from './scheduler.ts';
import type { SocketOptions } from './socket.ts';
import type { WorkerPoolConfig } from './worker-pool.ts';

const pagesPerMiB = 16;
/** For all that a stopping host does beside waiting for calls and saving state. */
const endMarginMs = 15_000;
/** Of a message inside the host; arguments and environment are half of it. */
const headersMaxBytes = 64 * 1024;

/** @throws FaasmError `bad_request` */
export function toMemoryKind(text: string): 'auto' | 'mapped' | 'copy' {
  if (text === 'auto' || text === 'mapped' || text === 'copy') return text;
  throw new FaasmError('bad_request', `FAASM_MEMORY is auto, mapped or copy, not ${quote(text)}`);
}

/** A host that was told to end has ended by then: behind its delay calls have the drain's time, state has it again. */
export function toEndTimeoutMs(config: Config): number {
  return config.FAASM_DRAIN_DELAY_MS + 2 * config.FAASM_DRAIN_TIMEOUT_MS + endMarginMs;
}

/** Inside a host a message may be as large as anything that is let in, with headers. */
export function toPayloadMaxBytes(config: Config): number {
  const { FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES, FAASM_MODULE_MAX_BYTES } = config;
  return Math.max(FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES, FAASM_MODULE_MAX_BYTES) + headersMaxBytes;
}

export function toModuleLimits(config: Config): ModuleLimits {
  return {
    memoryMaxPages: Math.min(4096, config.FAASM_MEMORY_MAX_MIB) * pagesPerMiB,
    tableMaxElements: config.FAASM_TABLE_MAX_ELEMENTS,
    compileMaxBytes: config.FAASM_COMPILE_MAX_MIB * 2 ** 20,
    compileMaxMs: config.FAASM_COMPILE_MAX_MS,
  };
}

/** A host tells of itself once a second; when so long nothing of it was heard, it is gone. */
const hostSilentMs = 3000;

/** @param instance random, of this run of the host */
export function toHostIdentity(config: Config, host: HostId, instance: string): HostIdentity {
  return { host, instance, stores: toHostStores(config), cores: availableParallelism() };
}

export function toPoolConfig(
  config: Config,
  identity: HostIdentity,
  memory: MemoryPort['kind'],
  folders: Pick<WorkerPoolConfig['executor'], 'contentFolder' | 'codeFolder' | 'begunFolder'>,
): WorkerPoolConfig {
  return {
    identity,
    chains: {
      depthMax: config.FAASM_CHAIN_DEPTH_MAX,
      treeCallsMax: config.FAASM_CALL_TREE_MAX,
      // Half of what is kept for chained calls, so that one user never has all of it.
      runningPerUserMax: Math.max(1, Math.ceil(config.FAASM_ACTIVE_CALLS_MAX / 8)),
    },
    limits: {
      executorsMax: Math.max(1, config.FAASM_EXECUTORS_MAX),
      executorsSpare: config.FAASM_EXECUTORS_SPARE,
      executorIdleMs: 30_000,
      activeCallsMax: config.FAASM_ACTIVE_CALLS_MAX,
      // A quarter more, for calls that others wait for and for other users, with room left in the 16,300 instances that a process can have.
      activeCallsReserve: Math.ceil(config.FAASM_ACTIVE_CALLS_MAX / 4),
      queuedCallsMax: config.FAASM_QUEUED_CALLS_MAX,
      busyAfterMs: 10,
      demotedAfterMs: 25,
      killGraceMs: 50,
      packedUs: 250,
      parallelExecutors: availableParallelism(),
      isolatedExecutorsMax: 8,
      provenAfterCalls: 20,
    },
    executor: {
      memory,
      ...folders,
      faasletLimits: {
        countMax: config.FAASM_FAASLETS_MAX,
        bytesMax: config.FAASM_FAASLETS_MAX_MIB * 1024 * 1024,
        userBytesMax: config.FAASM_CALL_MEMORY_PER_USER_MAX_MIB * 1024 * 1024,
      },
      stateAccess: toStateAccess(config.FAASM_STATE_ACCESS),
      limits: {
        inputMaxBytes: config.FAASM_INPUT_MAX_BYTES,
        outputMaxBytes: config.FAASM_OUTPUT_MAX_BYTES,
        stderrMaxBytes: 4096,
        chainedCallsMax: 10_000,
        moduleMaxBytes: config.FAASM_MODULE_MAX_BYTES,
      },
      fileLimits: { bytes: config.FAASM_FILES_MAX_BYTES, inodes: 10_000, openFiles: 1024 },
      config: [],
    },
  };
}

export function toSchedulerConfig(
  config: Config,
  { host, instance, stores }: HostIdentity,
): SchedulerOptions['config'] {
  return {
    self: { host, instance, store: stores.functions },
    callTimeoutMs: config.FAASM_CALL_TIMEOUT_MS,
    keyed: {
      keptMs: config.FAASM_RESULT_KEPT_MS,
      perUserMax: 1000,
      // An eighth of what is kept of all users, so that none of them pushes the others out.
      bytesPerUserMax: 16 * 1024 * 1024,
      bytesMax: 128 * 1024 * 1024,
    },
    limits: {
      callsPerUserMax: config.FAASM_CALLS_PER_USER_MAX,
      inputMaxBytes: config.FAASM_INPUT_MAX_BYTES,
      hostSilentMs,
      // What sending a call to another host and its answer back costs this one, a hundredth of a core's second.
      awayUs: 5000,
      // 100 MB a second, in parts and back together.
      awayUsPerByte: 0.01,
      // To read a module of some 100 KB from a store, and to compile it.
      coldUs: 20_000,
    },
  };
}

export function toFunctionsConfig(
  config: Config,
  { host, stores }: HostIdentity,
): FunctionsOptions['config'] {
  return {
    host,
    store: stores.functions,
    hostSilentMs,
    moduleMaxBytes: config.FAASM_MODULE_MAX_BYTES,
    functionsPerUserMax: config.FAASM_FUNCTIONS_PER_USER_MAX,
    versionsKept: 10,
    refreshMs: config.FAASM_FUNCTIONS === '' ? 0 : 2000,
    initializeTimeoutMs: 5000,
  };
}

export function toFilesConfig(config: Config, host: HostId): FilesOptions['config'] {
  return {
    host,
    limits: {
      fileMaxBytes: config.FAASM_SHARED_FILE_MAX_BYTES,
      userMaxBytes: config.FAASM_SHARED_FILES_PER_USER_MAX_BYTES,
      filesPerUserMax: config.FAASM_SHARED_FILES_PER_USER_MAX,
    },
    uploadsPerUserMax: 64,
    uploadIdleMs: 60_000,
    // A call that has begun before a change may open what was there before, as long as it runs.
    retiredKeptMs: config.FAASM_CALL_TIMEOUT_MS + 10_000,
  };
}

export function toHttpConfig(
  config: Config,
  host: HostId,
): Pick<HttpConfig, 'host' | 'listen'> & Partial<HttpConfig> {
  return {
    host,
    listen: config.FAASM_LISTEN,
    hosts: config.FAASM_HTTP_HOSTS.split(',').map((name) => name.trim()),
    ports: [config.FAASM_HTTP_PORT, config.FAASM_UPLOAD_PORT],
    inputMaxBytes: config.FAASM_INPUT_MAX_BYTES,
    moduleMaxBytes: config.FAASM_MODULE_MAX_BYTES,
    stateMaxBytes: config.FAASM_STATE_MAX_BYTES,
    fileMaxBytes: config.FAASM_SHARED_FILE_MAX_BYTES,
    callTimeoutMs: config.FAASM_CALL_TIMEOUT_MS,
    drainTimeoutMs: config.FAASM_DRAIN_TIMEOUT_MS,
  };
}

export function toStateConfig(config: Config): StateConfig {
  return {
    ...defaultStateConfig,
    valueMaxBytes: config.FAASM_STATE_MAX_BYTES,
    userMaxBytes: config.FAASM_STATE_PER_USER_MAX_BYTES,
    residentMaxBytes: config.FAASM_STATE_RESIDENT_MAX_BYTES,
    lockLeaseMs: Math.max(1, config.FAASM_STATE_LOCK_LEASE_MS),
    drainTimeoutMs: config.FAASM_DRAIN_TIMEOUT_MS,
  };
}

export function toCallsConfig(config: Config): CallsConfig {
  return {
    ...defaultCallsConfig,
    runningMax: config.FAASM_ASYNC_CALLS_MAX,
    queuedPerUserMax: config.FAASM_ASYNC_QUEUED_PER_USER_MAX,
    callTimeoutMs: config.FAASM_CALL_TIMEOUT_MS,
    inputMaxBytes: config.FAASM_INPUT_MAX_BYTES,
    resultKeptMs: config.FAASM_RESULT_KEPT_MS,
    drainTimeoutMs: config.FAASM_DRAIN_TIMEOUT_MS,
  };
}

export function toFrameLimits(config: Config): SocketOptions['limits'] {
  return {
    frameMaxBytes: config.FAASM_INPUT_MAX_BYTES + metadataMaxBytes,
    callsMax: Math.max(1, config.FAASM_RECEIVE_CALLS_MAX),
    heldMaxBytes: Math.max(config.FAASM_INPUT_MAX_BYTES, config.FAASM_OUTPUT_MAX_BYTES),
    connectionsMax: Math.max(1, config.FAASM_SOCKET_CONNECTIONS_MAX),
    idleMs: config.FAASM_SOCKET_IDLE_MS,
  };
}

export function toRedisAdapterLimits(config: Config): RedisAdapterOptions['limits'] {
  return {
    callsMax: Math.max(1, config.FAASM_REDIS_CALLS_MAX),
    heldMaxBytes: toFrameLimits(config).heldMaxBytes,
    roomTimeoutMs: config.FAASM_CALL_TIMEOUT_MS,
  };
}
