/** Generated faults that are none: the program does the same with them. They are not counted. */
export interface Equivalent {
  readonly file: string;
  /** The one that the fault begins in, without its indentation. */
  readonly line: string;
  /** The line before that one, where there are several. */
  readonly after?: string;
  readonly operator: string;
  readonly why: string;
}

export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/calls/decide.ts',
    line: 'if (notBeforeMs > nowMs) state.delayed.set(id, { user, notBeforeMs });',
    operator: '> is >=',
    why: 'what is due now is run by the tick that is due at once',
  },
  {
    file: 'src/calls/decide.ts',
    line: 'return;',
    after: "effects.push({ type: 'interrupt', id });",
    operator: 'the statement is missing',
    why: 'a call that runs is neither delayed nor ready, so what follows finds nothing',
  },
  {
    file: 'src/scheduler/decide.ts',
    line: 'if (state.hosts.size <= 1 && store === state.self.store) return state.self.host;',
    operator: 'the condition is false',
    why: 'choosing among one gives it too, later',
  },
  {
    file: 'src/scheduler/decide.ts',
    line: 'if (state.hosts.size <= 1 && store === state.self.store) return state.self.host;',
    operator: '<= is <',
    why: 'choosing among one gives it too, later',
  },
  {
    file: 'src/scheduler/hosts.ts',
    line: 'known.beat++;',
    operator: '++ is --',
    why: 'it has only to be another number each time',
  },
  {
    file: 'src/receive/frames.ts',
    line: 'if (left === 0) {',
    operator: 'the condition is false',
    why: 'the piece is copied where it could be taken as it is',
  },
  {
    file: 'src/receive/frames.ts',
    line: 'return;',
    after: 'this.#hold(piece, piece.length);',
    operator: 'the statement is missing',
    why: 'the piece is copied where it could be taken as it is',
  },
  {
    file: 'src/receive/frames.ts',
    line: 'if (this.#bytes.length - this.#end < piece.length) {',
    operator: '< is <=',
    why: 'what would just fit is copied',
  },
  {
    file: 'src/files/decide.ts',
    line: 'return wanted.sort((left, right) => (left.path < right.path ? -1 : 1));',
    operator: '< is <=',
    why: 'no two of them have one path',
  },
  {
    file: 'src/files/retire.ts',
    line: 'if (index.contents.has(version)) return;',
    after: 'const { index, store, gates, retirements, powers, config, log } = context;',
    operator: 'the condition is false',
    why: 'it is looked at again when the time has come',
  },
  {
    file: 'src/worker-pool/decide.ts',
    line: 'unproven: false,',
    operator: 'false is true',
    why: 'it is said anew when the call is placed',
  },
  {
    file: 'src/worker-pool/decide.ts',
    line: 'return;',
    after: 'executor.withdrawnTurn = -1;',
    operator: 'the statement is missing',
    why: 'an executor without a guest has computed for no time, which is not for long',
  },
  {
    file: 'src/worker-pool/programs.ts',
    line: 'asked = { answer: ask(key, user, name, version), calls: 0, superseded: false };',
    operator: 'false is true',
    why: 'it is said anew for each call',
  },
  {
    file: 'src/executor/call-ring.ts',
    line: 'if (Atomics.exchange(this.#positions, asleep, 0) === 1) Atomics.notify(this.#positions, asleep);',
    operator: 'the condition is true',
    why: 'nobody is woken who does not sleep',
  },
  {
    file: 'src/state/tier/segment-mutex.ts',
    line: 'Atomics.wait(words, word.mutex, holder, 1000);',
    operator: 'the statement is missing',
    why: 'who waits for the mutex asks for it again and again meanwhile, and gets it no later',
  },
];
