/** Faults that lived once: each kind has its test now. */
export interface PlantedFault {
  readonly file: string;
  /** There once, exactly. */
  readonly text: string;
  readonly replacement: string;
  readonly guards: readonly string[];
  /** What goes wrong with it. */
  readonly fault: string;
}

export const planted: readonly PlantedFault[] = [
  {
    file: 'src/scheduler/decide.ts',
    text: '(call.depth === 0 ? 1 : 2) * limits.callsPerUserMax',
    replacement: 'limits.callsPerUserMax',
    guards: ['test/scheduler/decide.test.ts'],
    fault: 'chained calls lose their second quota',
  },
  {
    file: 'src/scheduler/decide.ts',
    text: 'version: call.version ?? live.version!',
    replacement: 'version: live.version!',
    guards: ['test/scheduler/decide.test.ts'],
    fault: 'a pinned version is ignored',
  },
  {
    file: 'src/calls/decide.ts',
    text: 'state.running.delete(message.id);\n      break;',
    replacement: 'state.running.delete(message.id);\n      return effects;',
    guards: ['test/calls/decide.test.ts'],
    fault: 'nothing runs in place of a call that vanished',
  },
  {
    file: 'src/worker-pool/decide.ts',
    text: 'if (nowMs - current.finishedMs < graceMs || nowMs - executor.turnSinceMs < graceMs) return;',
    replacement: 'if (nowMs - current.finishedMs < graceMs) return;',
    guards: ['test/worker-pool/decide.test.ts'],
    fault: 'a late guest that comes back has no grace',
  },
  {
    file: 'src/worker-pool/placement.ts',
    text: '(executor.unproven === 0 && isProven(state, work.version))',
    replacement: 'isProven(state, work.version)',
    guards: ['test/worker-pool/decide.test.ts'],
    fault: 'a proven call is put beside an unproven one',
  },
  {
    file: 'src/state/tier/pull-segment.ts',
    text: 'if (newSize < size) view.data.fill(0, newSize, size);',
    replacement: '',
    guards: ['test/state/tier/pull-segment.test.ts'],
    fault: 'a value that shrank keeps its old bytes',
  },
  {
    file: 'src/state/core/global-locks.ts',
    text: 'if (known !== undefined && known.fence !== taken?.fence) {',
    replacement: 'if (known !== undefined && taken === undefined) {',
    guards: ['test/state/core/global-locks.test.ts'],
    fault: 'a lock is renewed after its lease',
  },
  {
    file: 'src/wasm/growth.ts',
    text: 'if (memoryCount > 1) {',
    replacement: 'if (memoryCount > 2) {',
    guards: ['test/wasm/rewrite.test.ts'],
    fault: 'two memories pass the limit together',
  },
  {
    file: 'src/wasm/memory-limit.ts',
    text: 'memories.reduce((sum, memory) => sum + memory.initial, 0)',
    replacement: 'Math.max(0, ...memories.map((memory) => memory.initial))',
    guards: ['test/wasm/refusals.test.ts'],
    fault: 'two memories start above the limit together',
  },
  {
    file: 'src/receive/frames.ts',
    text: 'if (length <= this.#frameMaxBytes) return length;',
    replacement: 'if (length < this.#frameMaxBytes) return length;',
    guards: ['test/receive/frames.test.ts'],
    fault: 'a frame of just the limit is refused',
  },
  {
    file: 'src/nats-listener/parser.ts',
    text: 'if (length > this.#limits.controlLineMaxBytes) {',
    replacement: 'if (length >= this.#limits.controlLineMaxBytes) {',
    guards: ['test/nats-listener/parser.test.ts'],
    fault: 'a CONNECT of just the limit is refused',
  },
  {
    file: 'src/nats-listener/parser.ts',
    text: 'this.#partsBytes + rest.length > this.#limits.controlLineMaxBytes + 1',
    replacement: 'this.#partsBytes + rest.length > this.#limits.controlLineMaxBytes',
    guards: ['test/nats-listener/parser.test.ts'],
    fault: 'a CONNECT of just the limit is refused for its line end',
  },
  {
    file: 'src/functions/decide.ts',
    text: 'if (state.known.get(key) !== before) return;',
    replacement: '',
    guards: ['test/functions/decide.test.ts'],
    fault: 'a stale read overwrites an own upload',
  },
  {
    file: 'src/functions/decide.ts',
    text: 'for (const { module } of description?.versions ?? []) state.retired.add(module);',
    replacement: '',
    guards: ['test/functions/decide.test.ts'],
    fault: 'the module of a dropped version is left behind',
  },
  {
    file: 'src/bus/resource-headers.ts',
    text: "if (ifMatch === undefined || (version !== undefined && (ifMatch === '*' || ifMatch === version)))",
    replacement:
      "if (ifMatch === undefined || version === undefined || ifMatch === '*' || ifMatch === version)",
    guards: ['test/bus/resource-headers.test.ts'],
    fault: 'If-Match lets a change pass where there is nothing',
  },
  {
    file: 'src/worker-pool/arrivals.ts',
    text: "if (this.#coming.has(id)) this.#coming.set(id, 'cancelled');",
    replacement: '',
    guards: ['test/actors/worker-pool.test.ts'],
    fault: 'a cancel while the program is loaded is ignored',
  },
  {
    file: 'src/executor/runner.ts',
    text: 'parent.depth >= chainDepthMax',
    replacement: 'parent.depth > chainDepthMax',
    guards: ['test/e2e/chaining.test.ts'],
    fault: 'a chain is one too deep',
  },
];
