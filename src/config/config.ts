/**
 * What each part of a host is told, made of the settings and of nothing else. What is no setting stands here too, once,
 * with its reason beside it.
 */
import { availableParallelism } from 'node:os';
import type { NatsBusOptions } from '../bus/nats-options.ts';
import { metadataMaxBytes } from '../calls/limits.ts';
import type { CallsConfig } from '../calls/queue-config.ts';
import type { HttpConfig } from '../http/config.ts';
import type { S3Settings } from '../s3/client.ts';
import type { StateConfig } from '../state/core/config.ts';
import type { ModuleLimits } from '../wasm/inspect.ts';
import { type ConfigSources, readSettings } from './read.ts';
import type { Settings } from './settings.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const pageBytes = 64 * KiB;

/** Of the machine. */
export interface Machine {
  readonly cores: number;
}

export type Config = ReturnType<typeof toConfig>;

/** @throws FaasmError `bad_request` that names each setting that is wrong */
export function loadConfig(sources: ConfigSources = {}): Config {
  return toConfig(readSettings(sources).settings, { cores: availableParallelism() });
}

export function toConfig(settings: Settings, machine: Machine) {
  return {
    cores: machine.cores,
    dataFolder: settings.FAASM_DATA.path,
    /** Nothing for a random one. */
    hostName: settings.FAASM_HOST_NAME,
    logLevel: settings.FAASM_LOG_LEVEL,
    prefix: settings.FAASM_PREFIX,
    /** Of Faaslets. */
    memory: settings.FAASM_MEMORY,
    drain: toDrain(settings),
    build: { cacheFolder: settings.FAASM_BUILD_CACHE?.path, stepMaxMs: settings.FAASM_BUILD_STEP_MAX_MS },
    modules: toModules(settings),
    http: toHttp(settings),
    bus: { payloadMaxBytes: toPayloadMaxBytes(settings) },
    /** Nothing where the host is its own NATS system. */
    nats: toNats(settings),
    cluster: { key: settings.FAASM_CLUSTER_KEY, natsWaitMs: settings.FAASM_NATS_WAIT_MS },
    natsListener: {
      host: settings.FAASM_LISTEN,
      port: settings.FAASM_NATS_PORT,
      maxPayloadBytes: settings.FAASM_MESSAGE_MAX_BYTES,
      maxListening: settings.FAASM_NATS_LISTENING_MAX,
      prefix: settings.FAASM_PREFIX,
    },
    redisUrl: settings.FAASM_REDIS_URL,
    s3: toS3(settings),
    /** Where users have objects; nothing for nowhere. */
    objectsPlace: settings.FAASM_OBJECTS,
    grants: settings.FAASM_GRANTS,
    statePlace: settings.FAASM_STATE,
    stateRedisKeys: settings.FAASM_STATE_REDIS_KEYS,
    state: toState(settings),
    /** Nothing for the data folder. */
    functionsPlace: settings.FAASM_FUNCTIONS,
    functions: toFunctions(settings),
    files: toFiles(settings),
    pool: toPool(settings, machine),
    run: toRun(settings),
    scheduler: toScheduler(settings),
    calls: toCalls(settings),
    waysIn: settings.FAASM_RECEIVE,
    socket: { address: settings.FAASM_SOCKET_LISTEN, limits: toStreamLimits(settings) },
    redisQueue: {
      key: settings.FAASM_REDIS_KEY,
      reservedPrefix: `${settings.FAASM_PREFIX}:`,
      limits: {
        callsMax: settings.FAASM_REDIS_CALLS_MAX,
        heldMaxBytes: toHeldMaxBytes(settings),
        roomTimeoutMs: settings.FAASM_CALL_TIMEOUT_MS,
      },
    },
    callTimeoutMs: settings.FAASM_CALL_TIMEOUT_MS,
    inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
  };
}

/** A host tells of itself once a second; when so long nothing of it was heard, it is gone. */
const hostSilentMs = 3000;
/** Each has some hundred bytes that no other limit counts. */
const inodesMax = 10_000;
/** As many as a process has where nothing else is set. */
const openFilesMax = 1024;

function toDrain({ FAASM_DRAIN_DELAY_MS: delayMs, FAASM_DRAIN_TIMEOUT_MS: timeoutMs }: Settings) {
  // What is tried once more when the time is over, state above all, and what closes behind it.
  const endMarginMs = 30_000;
  return {
    delayMs,
    timeoutMs,
    /** A host that was told to end has ended by then, or is ended. */
    endTimeoutMs: delayMs + timeoutMs + endMarginMs,
  };
}

function toModules(settings: Settings) {
  return {
    memoryMaxPages: Math.floor(settings.FAASM_MEMORY_MAX_MIB / pageBytes),
    tableMaxElements: settings.FAASM_TABLE_MAX_ELEMENTS,
    compileMaxBytes: settings.FAASM_COMPILE_MAX_MIB,
    compileMaxMs: settings.FAASM_COMPILE_MAX_MS,
  } satisfies ModuleLimits;
}

function toSideModules(settings: Settings) {
  const { tableMaxElements, compileMaxBytes } = toModules(settings);
  return { maxBytes: settings.FAASM_MODULE_MAX_BYTES, tableMaxElements, compileMaxBytes };
}

/** Inside a host a message may be as large as anything that is let in, with headers. */
function toPayloadMaxBytes(settings: Settings): number {
  const { FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES, FAASM_MODULE_MAX_BYTES } = settings;
  // Arguments and environment are half of it.
  const headersMaxBytes = 64 * KiB;
  return Math.max(FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES, FAASM_MODULE_MAX_BYTES) + headersMaxBytes;
}

function toHttp(settings: Settings): HttpConfig {
  return {
    listen: settings.FAASM_LISTEN,
    hosts: settings.FAASM_HTTP_HOSTS,
    ports: [settings.FAASM_HTTP_PORT, settings.FAASM_UPLOAD_PORT],
    inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
    moduleMaxBytes: settings.FAASM_MODULE_MAX_BYTES,
    stateMaxBytes: settings.FAASM_STATE_MAX_BYTES,
    fileMaxBytes: settings.FAASM_SHARED_FILE_MAX_BYTES,
    callTimeoutMs: settings.FAASM_CALL_TIMEOUT_MS,
    // Twice what a store has for a command, so that its own error arrives.
    answerTimeoutMs: 30_000,
    // Compiling and initialising, several times the limits of both.
    uploadTimeoutMs: 120_000,
    // A head comes in one packet or two.
    headersTimeoutMs: 15_000,
    // The largest state value in 5 minutes is 3.5 MB a second.
    requestTimeoutMs: 300_000,
    stallTimeoutMs: 60_000,
    // More than the 60 s after which load balancers drop theirs.
    keepAliveTimeoutMs: 72_000,
    headersMaxBytes: 16 * KiB,
    // Twice as many as calls may run.
    connectionsMax: 20_000,
  };
}

function toNats(settings: Settings) {
  if (settings.NATS_URL.length === 0) return undefined;
  const [cert, key, ca] = [settings.NATS_CERT, settings.NATS_KEY, settings.NATS_CA];
  return {
    url: settings.NATS_URL,
    user: settings.NATS_USER,
    password: settings.NATS_PASSWORD,
    creds: settings.NATS_CREDS,
    nkey: settings.NATS_NKEY,
    tls: (cert ?? key ?? ca) === undefined ? undefined : { cert, key, ca },
    noEcho: true,
  } satisfies NatsBusOptions;
}

function toS3(settings: Settings): S3Settings {
  return {
    endpoint: settings.FAASM_S3_ENDPOINT,
    region: settings.FAASM_S3_REGION,
    accessKey: settings.FAASM_S3_ACCESS_KEY,
    secretKey: settings.FAASM_S3_SECRET_KEY,
  };
}

function toState(settings: Settings): StateConfig {
  return {
    valueMaxBytes: settings.FAASM_STATE_MAX_BYTES,
    userMaxBytes: settings.FAASM_STATE_PER_USER_MAX_BYTES,
    residentMaxBytes: settings.FAASM_STATE_RESIDENT_MAX_BYTES,
    // Writes of a tenth of a second go together.
    pushDelayMs: 100,
    pushRetryMs: 500,
    // A store that is there again has all within seconds.
    pushRetryMaxMs: 2000,
    uploadsPerUserMax: 100,
    // A client that was cut off comes back within 10 minutes, or begins anew.
    uploadIdleMs: 600_000,
    // A record of some hundred bytes each.
    locksMax: 100_000,
    // As many as there may be calls.
    lockWaitersMax: 10_000,
    lockLeaseMs: settings.FAASM_STATE_LOCK_LEASE_MS,
    lockWaitMaxMs: 600_000,
  };
}

function toFunctions(settings: Settings) {
  return {
    hostSilentMs,
    moduleMaxBytes: settings.FAASM_MODULE_MAX_BYTES,
    functionsPerUserMax: settings.FAASM_FUNCTIONS_PER_USER_MAX,
    // As far as one goes back.
    versionsKept: 10,
    // No other host has the data folder.
    refreshMs: settings.FAASM_FUNCTIONS === undefined ? 0 : 2000,
    // A longer one is run in every call instead.
    initializeTimeoutMs: 5000,
  };
}

function toFiles(settings: Settings) {
  return {
    limits: {
      fileMaxBytes: settings.FAASM_SHARED_FILE_MAX_BYTES,
      userMaxBytes: settings.FAASM_SHARED_FILES_PER_USER_MAX_BYTES,
      filesPerUserMax: settings.FAASM_SHARED_FILES_PER_USER_MAX,
    },
    uploadsPerUserMax: 64,
    uploadIdleMs: 60_000,
    // A call that has begun before a change may open what was there before, as long as it runs.
    retiredKeptMs: settings.FAASM_CALL_TIMEOUT_MS + 10_000,
  };
}

function toPool(settings: Settings, { cores }: Machine) {
  return {
    chains: {
      depthMax: settings.FAASM_CHAIN_DEPTH_MAX,
      treeCallsMax: settings.FAASM_CALL_TREE_MAX,
      // Half of what is kept for chained calls, so that one user never has all of it.
      runningPerUserMax: Math.ceil(settings.FAASM_ACTIVE_CALLS_MAX / 8),
    },
    limits: {
      executorsMax: settings.FAASM_EXECUTORS_MAX,
      executorsSpare: settings.FAASM_EXECUTORS_SPARE,
      executorIdleMs: 30_000,
      activeCallsMax: settings.FAASM_ACTIVE_CALLS_MAX,
      // For calls that others wait for and for other users, with room left in the 16,300 instances that a process can have.
      activeCallsReserve: Math.ceil(settings.FAASM_ACTIVE_CALLS_MAX / 4),
      queuedCallsMax: settings.FAASM_QUEUED_CALLS_MAX,
      busyAfterMs: 10,
      demotedAfterMs: 25,
      killGraceMs: 50,
      packedUs: 250,
      parallelExecutors: cores,
      isolatedExecutorsMax: 8,
      provenAfterCalls: 20,
    },
    executor: {
      faasletLimits: {
        countMax: settings.FAASM_FAASLETS_MAX,
        bytesMax: settings.FAASM_FAASLETS_MAX_MIB,
        userBytesMax: settings.FAASM_CALL_MEMORY_PER_USER_MAX_MIB,
      },
      stateAccess: settings.FAASM_STATE_ACCESS,
      limits: {
        inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
        outputMaxBytes: settings.FAASM_OUTPUT_MAX_BYTES,
        // It is told with the end of a call, in its headers.
        stderrMaxBytes: 4 * KiB,
        chainedCallsMax: 10_000,
      },
      sideModules: toSideModules(settings),
      fileLimits: { bytes: settings.FAASM_FILES_MAX_BYTES, inodes: inodesMax, openFiles: openFilesMax },
      config: [],
    },
  };
}

/** Of a program that `faasm run` runs. */
function toRun(settings: Settings) {
  return {
    ...toModules(settings),
    inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
    outputMaxBytes: settings.FAASM_OUTPUT_MAX_BYTES,
    moduleMaxBytes: settings.FAASM_MODULE_MAX_BYTES,
    sideModules: toSideModules(settings),
    filesMaxBytes: settings.FAASM_FILES_MAX_BYTES,
    openFiles: openFilesMax,
  };
}

function toScheduler(settings: Settings) {
  return {
    callTimeoutMs: settings.FAASM_CALL_TIMEOUT_MS,
    keyed: {
      keptMs: settings.FAASM_RESULT_KEPT_MS,
      perUserMax: 1000,
      // An eighth of what is kept of all users, so that none of them pushes the others out.
      bytesPerUserMax: 16 * MiB,
      bytesMax: 128 * MiB,
    },
    limits: {
      callsPerUserMax: settings.FAASM_CALLS_PER_USER_MAX,
      inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
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

function toCalls(settings: Settings): CallsConfig {
  return {
    runningMax: settings.FAASM_ASYNC_CALLS_MAX,
    queuedPerUserMax: settings.FAASM_ASYNC_QUEUED_PER_USER_MAX,
    queuedMax: 1_000_000,
    // The last one is tried some 8 s after the first.
    attemptsMax: 5,
    retryMs: 500,
    retryMaxMs: 60_000,
    callTimeoutMs: settings.FAASM_CALL_TIMEOUT_MS,
    inputMaxBytes: settings.FAASM_INPUT_MAX_BYTES,
    resultKeptMs: settings.FAASM_RESULT_KEPT_MS,
  };
}

function toStreamLimits(settings: Settings) {
  return {
    frameMaxBytes: settings.FAASM_INPUT_MAX_BYTES + metadataMaxBytes,
    callsMax: settings.FAASM_RECEIVE_CALLS_MAX,
    heldMaxBytes: toHeldMaxBytes(settings),
    connectionsMax: settings.FAASM_SOCKET_CONNECTIONS_MAX,
    idleMs: settings.FAASM_SOCKET_IDLE_MS,
  };
}

/** One of the largest can always be taken. */
function toHeldMaxBytes({ FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES }: Settings): number {
  return Math.max(FAASM_INPUT_MAX_BYTES, FAASM_OUTPUT_MAX_BYTES);
}
