/** Which files are mutated, and the tests that guard each. */
import { globSync } from 'node:fs';
import { join } from 'node:path';

export interface Room {
  readonly name: 'cores' | 'shells';
  /** Paths and patterns, as of `guards`. */
  readonly files: readonly string[];
  readonly guards: readonly string[];
}

export const root = join(import.meta.dirname, '..', '..');

export const rooms: readonly Room[] = [
  { name: 'cores', files: ['src/calls/{decide,queue-turns}.ts'], guards: ['test/calls/decide.test.ts'] },
  { name: 'cores', files: ['src/calls/grants.ts'], guards: ['test/calls/grants.test.ts'] },
  {
    name: 'cores',
    files: ['src/scheduler/{decide,hosts,random-set}.ts'],
    guards: ['test/scheduler/*.test.ts'],
  },
  { name: 'cores', files: ['src/scheduler/keyed-calls.ts'], guards: ['test/scheduler/keyed-calls.test.ts'] },
  {
    name: 'cores',
    files: ['src/worker-pool/{decide,placement}.ts'],
    guards: ['test/worker-pool/{decide,reports}.test.ts'],
  },
  {
    name: 'cores',
    files: ['src/worker-pool/{chain-turns,chained-calls,reports,call-events}.ts'],
    guards: ['test/worker-pool/*.test.ts'],
  },
  {
    name: 'cores',
    files: ['src/state/core/{decide,locks,quota,uploads,pushes,gates}.ts'],
    guards: ['test/state/core/*.test.ts'],
  },
  { name: 'cores', files: ['src/state/core/global-locks.ts'], guards: ['test/state/**/*.test.ts'] },
  {
    name: 'cores',
    files: ['src/state/tier/{residents,twin,push-segment,segment}.ts'],
    guards: ['test/state/tier/*.test.ts'],
  },
  {
    name: 'cores',
    files: ['src/functions/{known-functions,live-versions,coming,turns,programs}.ts'],
    guards: ['test/functions/*.test.ts'],
  },
  {
    name: 'cores',
    files: ['src/wasm/{growth,memory-limit,limits,compile-limits,segments}.ts'],
    guards: ['test/wasm/*.test.ts'],
  },
  { name: 'cores', files: ['src/receive/frames.ts'], guards: ['test/receive/frames.test.ts'] },
  {
    name: 'cores',
    files: ['src/nats-listener/{parser,arguments,connect-options,quotas,boundary}.ts'],
    guards: ['test/nats-listener/{parser,boundary,conversations}.test.ts'],
  },
  { name: 'cores', files: ['src/files/decide.ts'], guards: ['test/files/decide.test.ts'] },
  { name: 'shells', files: ['actors/calls.ts'], guards: ['test/actors/calls.test.ts'] },
  { name: 'shells', files: ['actors/functions.ts'], guards: ['test/actors/functions.test.ts'] },
  { name: 'shells', files: ['actors/files.ts'], guards: ['test/actors/files.test.ts'] },
  {
    name: 'shells',
    files: ['actors/state.ts'],
    guards: ['test/actors/state.test.ts', 'test/state/tier/*.test.ts'],
  },
];

export function pathsOf(patterns: readonly string[]): string[] {
  return [...new Set(patterns.flatMap((pattern) => globSync(pattern, { cwd: root }).sort()))];
}
