/** Which files are mutated, and the tests that guard each: the quick ones first, as the first that fails is enough. */
import { globSync } from 'node:fs';
import { join } from 'node:path';

export interface Room {
  readonly name: 'cores' | 'shells';
  /** A path or a pattern, as the guards are. */
  readonly files: string;
  readonly guards: readonly string[];
}

export const root = join(import.meta.dirname, '..', '..');

const cores = (files: string, ...guards: string[]): Room => ({ name: 'cores', files, guards });
const shell = (files: string, ...guards: string[]): Room => ({ name: 'shells', files, guards });

export const rooms: readonly Room[] = [
  cores('src/calls/{decide,queue-turns}.ts', 'test/calls/decide.test.ts'),
  cores('src/calls/grants.ts', 'test/calls/grants.test.ts'),
  cores('src/calls/{codec,message}.ts', 'test/calls/{codec,message}.test.ts'),
  cores('src/scheduler/{decide,hosts,random-set}.ts', 'test/scheduler/{decide,hosts}.test.ts'),
  cores('src/scheduler/keyed-calls.ts', 'test/scheduler/keyed-calls.test.ts'),
  cores('src/scheduler/{run-call,other-hosts,run-between}.ts', 'test/scheduler/run-call.test.ts'),
  cores('src/scheduler/answer-invocations.ts', 'test/actors/scheduler.test.ts'),
  cores('src/hosts/{announcer,warm}.ts', 'test/hosts/{announcer,warm}.test.ts'),
  cores('src/worker-pool/{decide,placement}.ts', 'test/worker-pool/{decide,reports}.test.ts'),
  cores('src/worker-pool/reports.ts', 'test/worker-pool/reports.test.ts'),
  cores('src/worker-pool/chain{-turns,ed-calls}.ts', 'test/worker-pool/chain{-turns,ed-calls}.test.ts'),
  cores('src/worker-pool/call-events.ts', 'test/worker-pool/call-events.test.ts'),
  cores('src/worker-pool/programs.ts', 'test/worker-pool/programs.test.ts'),
  cores('src/executor/local-programs.ts', 'test/executor/local-programs.test.ts'),
  cores('src/executor/call-ring.ts', 'test/executor/call-ring.test.ts'),
  cores('src/state/core/{decide,quota,uploads,pushes}.ts', 'test/state/core/decide.test.ts'),
  cores('src/state/core/locks.ts', 'test/state/core/locks.test.ts'),
  cores('src/host/{closers,tell-of-store}.ts', 'test/host/closers.test.ts'),
  cores('src/bus/gates.ts', 'test/bus/gates.test.ts'),
  cores('src/bus/resource-headers.ts', 'test/bus/resource-headers.test.ts'),
  cores('src/state/core/global-locks.ts', 'test/state/core/global-locks.test.ts'),
  cores('src/state/tier/{segment,segment-mutex}.ts', 'test/state/tier/{segment,local-tier}.test.ts'),
  cores('src/state/tier/pull-segment.ts', 'test/state/tier/{pull-segment,shared-tier}.test.ts'),
  cores(
    'src/state/tier/{resident,residents,segment-memory,save-all,write-place,push-segment}.ts',
    'test/state/tier/{values,local-tier,shared-tier}.test.ts',
  ),
  cores('src/state/tier/stored-values.ts', 'test/state/tier/values.test.ts', 'test/actors/state.test.ts'),
  cores('src/state/{steps,unsaved}.ts', 'test/state/steps.test.ts'),
  cores('src/state/requests.ts', 'test/actors/state.test.ts'),
  cores('src/state/tier/twin.ts', 'test/state/tier/twin.test.ts'),
  cores('src/functions/decide.ts', 'test/functions/decide.test.ts'),
  shell('src/functions/step.ts', 'test/functions/step.test.ts'),
  shell('src/functions/{upload,remove,take-program}.ts', 'test/actors/functions.test.ts'),
  cores('src/functions/live-versions.ts', 'test/functions/live-versions.test.ts'),
  cores('src/functions/coming.ts', 'test/functions/coming.test.ts'),
  cores('src/functions/turns.ts', 'test/functions/turns.test.ts'),
  cores('src/functions/programs.ts', 'test/functions/programs.test.ts'),
  cores('src/wasm/growth.ts', 'test/wasm/rewrite.test.ts'),
  cores('src/wasm/{memory-limit,limits,inspect}.ts', 'test/wasm/{refusals,inspect}.test.ts'),
  cores('src/wasm/compile-limits.ts', 'test/wasm/compile-limits.test.ts'),
  cores('src/receive/frames.ts', 'test/receive/frames.test.ts'),
  cores('src/nats-listener/{parser,arguments}.ts', 'test/nats-listener/parser.test.ts'),
  cores('src/nats-listener/connect-options.ts', 'test/nats-listener/connect-options.test.ts'),
  cores('src/nats-listener/quotas.ts', 'test/nats-listener/quotas.test.ts'),
  cores('src/nats-listener/boundary.ts', 'test/nats-listener/boundary.test.ts'),
  cores('src/files/decide.ts', 'test/files/decide.test.ts'),
  shell('actors/calls.ts', 'test/actors/calls.test.ts'),
  shell('src/calls/{attempt,forget-old,new-call,read-output,step,submit}.ts', 'test/actors/calls.test.ts'),
  shell('actors/files.ts', 'test/actors/files.test.ts'),
  shell('src/files/{commit,receive-upload,remove-file,retire,take-change}.ts', 'test/actors/files.test.ts'),
  shell('actors/functions.ts', 'test/actors/functions.test.ts'),
  shell('actors/membership.ts', 'test/actors/membership.test.ts'),
  shell('actors/scheduler.ts', 'test/actors/scheduler.test.ts'),
  shell('actors/worker-pool.ts', 'test/worker-pool/history.test.ts', 'test/actors/worker-pool.test.ts'),
  shell(
    'src/worker-pool/{arrivals,executors,jobs,progress,status-report,steps}.ts',
    'test/worker-pool/history.test.ts',
    'test/actors/worker-pool.test.ts',
    'test/e2e/{chaining,guest-faults}.test.ts',
  ),
  shell('actors/state.ts', 'test/actors/state.test.ts', 'test/state/tier/local-tier.test.ts'),
];

export function pathsOf(patterns: readonly string[]): string[] {
  return [...new Set(patterns.flatMap((pattern) => globSync(pattern, { cwd: root }).sort()))];
}
