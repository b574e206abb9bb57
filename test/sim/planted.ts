/** Faults that are put into the program one at a time: which of them does the simulator find? See plant.ts. */
import type { PlantedFault } from '../mutants/planted.ts';

export const planted: readonly Omit<PlantedFault, 'guards'>[] = [
  {
    file: 'src/worker-pool/steps.ts',
    text: 'if (this.#isStepping) {',
    replacement: 'if (Number.isNaN(0)) {',
    fault: 'the pool decides on what is said while it does what it has decided',
  },
  {
    file: 'src/worker-pool/executors.ts',
    text: 'privateBus.tell(privateSubjects.executorGone(), new Encodable({ owner }, executorGoneCodec));',
    replacement: '',
    fault: 'nobody hears that an executor is gone, and its locks are kept',
  },
  {
    file: 'src/worker-pool/status-report.ts',
    text: 'this.#options.powers.timers.cancel(this.#timer);',
    replacement: '',
    fault: 'a pool that has stopped goes on telling of itself',
  },
  {
    file: 'src/worker-pool/placement.ts',
    text: '} else if (executor.user === work.user) {',
    replacement: '} else {',
    fault: 'calls of two users are put on one executor',
  },
  {
    file: 'src/worker-pool/placement.ts',
    text: 'const { activeCallsMax, activeCallsReserve } = state.limits;\n  const own',
    replacement: 'const [activeCallsMax, activeCallsReserve] = [24, 3];\n  const own',
    fault: 'a host runs twice the calls that it may run',
  },
  {
    file: 'src/worker-pool/chained-calls.ts',
    text: '    this.#stopsRunning(child);\n    this.#ended(child, result);',
    replacement: '    this.#ended(child, result);',
    fault: 'a chained call that has ended counts as running for ever',
  },
  {
    file: 'src/worker-pool/decide.ts',
    text: 'if (call.work.deadlineMs <= nowMs) end(state, call.work.id, late, nowMs, effects);',
    replacement: '',
    fault: 'a late call is not stopped',
  },
  {
    file: 'src/scheduler/run-call.ts',
    text: '    } finally {\n      decide(',
    replacement:
      '    } catch (thrown) {\n      throw thrown;\n    } finally {\n      if (ranUs !== undefined) decide(',
    fault: 'a call that fails keeps its place in the quota',
  },
  {
    file: 'src/scheduler/other-hosts.ts',
    text: '{ timeoutMs });',
    replacement: '{ timeoutMs: 0 });',
    fault: 'a call whose host does not answer is waited for as long as the host is there',
  },
  {
    file: 'src/scheduler/run-once.ts',
    text: 'if (before === undefined) break;',
    replacement: 'break;',
    fault: 'a call with an idempotency key runs each time',
  },
  {
    file: 'src/scheduler/hosts.ts',
    text: "if (status.phase === 'serving')",
    replacement: "if (status.phase !== 'gone')",
    fault: 'calls are sent to hosts that drain',
  },
  {
    file: 'src/bus/inbox.ts',
    text: '(++this.#lastName).toString(36)',
    replacement: '(++this.#lastName % 4).toString(36)',
    fault: 'two requests wait for their answers on one subject',
  },
  {
    file: 'src/bus/cluster.ts',
    text: "if (interest === 'shared' && reply !== undefined) this.#rememberHeard(reply);",
    replacement: '',
    fault: 'what was heard here is answered with no responders',
  },
  {
    file: 'src/hosts/announcer.ts',
    text: 'if (missing.size === 0) resolve();',
    replacement: 'if (missing.size >= 0) resolve();',
    fault: 'an upload is answered before other hosts have heard of it',
  },
  {
    file: 'src/hosts/announcer.ts',
    text: 'for (const tale of this.#waiting.keys()) this.#settle(tale, host);',
    replacement: '',
    fault: 'an upload waits for a host that is gone',
  },
  {
    file: 'src/calls/decide.ts',
    text: '  else state.ready.add(user, id);\n}\n\nfunction end(',
    replacement: '}\n\nfunction end(',
    fault: 'calls of the last run of the host are not run',
  },
  {
    file: 'src/calls/decide.ts',
    text: "} else if (attempts >= state.limits.attemptsMax) {\n    effects.push({ type: 'finish', id, state: 'dead', error });\n  } else {",
    replacement: '} else {',
    fault: 'a call is tried for ever',
  },
  {
    file: 'src/calls/sqlite-queue-operations.ts',
    text: 'endedAtMs = ? WHERE id = ? AND endedAtMs IS NULL`);\n  const requeue',
    replacement: 'endedAtMs = ? WHERE id = ?`);\n  const requeue',
    fault: 'a call that was cancelled ends once more',
  },
  {
    file: 'src/calls/submit.ts',
    text: 'enqueued = await queue.enqueue(call);',
    replacement:
      "void queue.enqueue(call).catch(() => {});\n    enqueued = { isNew: true, status: { ...call, state: 'queued', attempts: 0, startedAtMs: null, endedAtMs: null, returnValue: null, error: null } };",
    fault: 'a call is accepted before it is durable',
  },
  {
    file: 'src/calls/step.ts',
    text: 'await powers.timers.sleep(storeRetryMs);',
    replacement: 'return;',
    fault: 'an end that could not be stored is forgotten',
  },
  {
    file: 'src/state/core/global-locks.ts',
    text: "if (held.name === name && held.mode === 'write') return held.fence;",
    replacement: 'if (held.name === name && Number.isNaN(0)) return held.fence;',
    fault: 'a write under a lock does not say under which',
  },
  {
    file: 'src/state/core/global-locks.ts',
    text: 'if (isLost) continue;',
    replacement: 'continue;',
    fault: 'a lock is not renewed',
  },
  {
    file: 'src/state/tier/values.ts',
    text: 'return (await resident?.refresh()) === true ? resident : undefined;',
    replacement: 'return resident;',
    fault: 'a read does not see what another host has written',
  },
  {
    file: 'src/state/tier/push-segment.ts',
    text: 'giveBackDirty(view, part);',
    replacement: '',
    fault: 'what could not be pushed is not pushed again',
  },
  {
    file: 'src/files/commit.ts',
    text: 'await store.writeEntry({ user, ...file });',
    replacement: 'void store.writeEntry({ user, ...file }).catch(() => {});',
    fault: 'a file is acknowledged before it is safe',
  },
];
