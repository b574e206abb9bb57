/** The entry of an executor's worker thread: builds a Runner and connects it to the handle's port, rings and asks. */
import { readlinkSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { BegunMarks } from '../calls/begun-marks.ts';
import { FaasletBudget } from '../faaslet/faaslet-budget.ts';
import { FaasletPool } from '../faaslet/faaslet-pool.ts';
import { toCallWay } from '../faaslet/ways/call.ts';
import { openCapabilities } from '../guest/capabilities.ts';
import { FileContents } from '../guest/files/file-contents.ts';
import { FollowedFiles } from '../guest/files/file-feed.ts';
import { wasiPowers } from '../guest/wasi-powers.ts';
import { detectMemoryPort } from '../memory/detect.ts';
import { loadLibc } from '../memory/libc.ts';
import { processMappingBudget } from '../memory/mapping-budget.ts';
import { stackTraceLimit } from '../wasm/backtrace.ts';
import { ThreadAsks } from './asks.ts';
import { CallRing, followCallRing } from './call-ring.ts';
import { GuestGate } from './guest-gate.ts';
import { LocalPrograms } from './local-programs.ts';
import type { FromExecutor, PostedCall, ThreadData, ToExecutor } from './messages.ts';
import { Runner } from './runner.ts';

const port = parentPort!;
const settings = workerData as ThreadData;
const post = (message: FromExecutor, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

const asks = new ThreadAsks(settings.asks);
/** How often others are asked to make room. */
const crowdedEveryMs = 50;
let crowdedMs = Number.NEGATIVE_INFINITY;

const memory = detectMemoryPort(settings.memory);
// Else it takes the core of the main thread, which wakes it while it has more to give.
if (memory.port.kind === 'mapped') loadLibc().scheduleAsBatch();
Error.stackTraceLimit = stackTraceLimit;
const control = new Int32Array(settings.control);
const budget = new FaasletBudget(settings.faaslets, settings.row, settings.faasletLimits);
const faaslets = new FaasletPool({
  powers: {
    memory: memory.port,
    capabilities: openCapabilities({
      owner: settings.owner,
      ask: asks.ask,
      config: new Map(settings.config),
      stateAccess: settings.stateAccess,
      sideModules: settings.sideModules,
    }),
    way: toCallWay,
    wasi: wasiPowers,
    files: new FollowedFiles(
      settings.fileRevisions,
      (user) => asks.askNow('files', 'index', user, undefined) as Uint8Array,
      new FileContents(settings.contentFolder),
    ),
    fileLimits: settings.fileLimits,
    limits: settings.limits,
    held: budget,
  },
  budget,
  mappings: processMappingBudget(),
  onCrowded,
});
const runner = new Runner({
  faaslets,
  gate: new GuestGate(control),
  control,
  programs: new LocalPrograms(),
  chainDepthMax: settings.chainDepthMax,
  ends: new CallRing(settings.ends),
  begun: new BegunMarks(settings.begunFolder, settings.row),
  post,
});

port.on('message', (message: ToExecutor) => {
  if (isCall(message)) runner.run(message);
  else runner.receive(message);
});
// Else it is written when the thread has ended, of which nobody is told.
flushCompileCache();
post({ type: 'ready', memory: memory.why, thread: threadNumber() });
void followCallRing(new CallRing(settings.calls), (slot, program, depth, input) =>
  runner.run([slot, program, input, depth]),
);

function threadNumber(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}

function onCrowded(): void {
  const nowMs = performance.now();
  if (nowMs - crowdedMs < crowdedEveryMs) return;
  crowdedMs = nowMs;
  post({ type: 'crowded' });
}

function isCall(message: ToExecutor): message is PostedCall {
  return Array.isArray(message);
}
