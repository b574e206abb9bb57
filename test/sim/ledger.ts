/**
 * What was promised in a simulated world, and whether it is kept: who was told what of calls, of values and of locks.
 * Everything that may have happened is held possible; what cannot have happened is a violation.
 */
import type { CallStatus } from '../../proto/messages.ts';
import type { CallId, StateKey } from '../../proto/names.ts';
import type { ExecutorObserver, SeenRun } from './executor.ts';
import { answerOf, type GuestObserver, tokenBytes } from './guests.ts';
import { limits, type SimHost } from './host.ts';
import type { StateObserver } from './state-store.ts';
import type { World } from './world.ts';

/** An asynchronous call that was accepted. */
export interface Accepted {
  readonly id: CallId;
  readonly host: string;
  readonly user: string;
  readonly function: string;
  readonly input: string;
  /** How it has ended, once somebody was told. */
  end: string | undefined;
}

interface Write {
  readonly value: string;
  readonly startMs: number;
  /** Infinity: whether it was done, and when, is not known. */
  endMs: number;
}

interface Token {
  readonly key: StateKey;
  acknowledged: boolean;
  /** How often it may be there at the most. */
  most: number;
}

/** Where nothing is wrong. */
const mayEndWith: Readonly<Record<string, readonly string[]>> = {
  fail: ['guest_returned'],
  trap: ['guest_trapped'],
  awaits: ['guest_returned'],
  loop: ['executor_lost'],
};

const ended: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'dead']);

export class Ledger implements ExecutorObserver, GuestObserver, StateObserver {
  readonly #world: World;
  /** No fault ever happens in this world, so all is exact. */
  readonly #isCalm: boolean;
  readonly accepted = new Map<CallId, Accepted>();
  readonly #runs = new Map<CallId, number>();
  /** Per host, and per executor: what is there. */
  readonly #onHost = new Map<string, Map<CallId, SeenRun>>();
  readonly #onExecutor = new Map<string, Map<CallId, SeenRun>>();
  readonly #executorOf = new Map<string, string>();
  readonly #writes = new Map<string, Write[]>();
  readonly #tokens = new Map<string, Map<string, Token>>();
  readonly #counted = new Map<string, Set<number>>();
  readonly #fences = new Map<string, number>();
  readonly #writtenFences = new Map<string, number>();
  /** What was done, for people. */
  readonly counts = new Map<string, number>();

  constructor(world: World, isCalm: boolean) {
    this.#world = world;
    this.#isCalm = isCalm;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  failed(what: string): void {
    this.#world.violated(what);
  }

  // Calls

  posted(run: SeenRun, executor: string): void {
    const there = this.#onExecutor.get(executor) ?? new Map<CallId, SeenRun>();
    this.#onExecutor.set(executor, there);
    for (const other of there.values()) {
      if (other.user !== run.user)
        this.failed(`${executor} has calls of ${other.user} and ${run.user} at once`);
    }
    there.set(run.id, run);
    this.#executorOf.set(`${run.host} ${run.id}`, executor);
  }

  withdrawn(run: SeenRun): void {
    this.#leave(run);
  }

  begun(run: SeenRun): void {
    const { host, id, user } = run;
    this.count(`run ${run.function}`);
    this.#runs.set(id, (this.#runs.get(id) ?? 0) + 1);
    const here = this.#onHost.get(host) ?? new Map<CallId, SeenRun>();
    this.#onHost.set(host, here);
    if (here.has(id)) this.failed(`${host} runs ${run.function} ${id} twice at once`);
    here.set(id, run);
    const mine = [...here.values()].filter((one) => one.user === user);
    const roots = mine.filter(({ depth }) => depth === 0).length;
    // Those that were answered late are on their executors still for a moment.
    const most = limits.activeCallsMax + Math.ceil(limits.activeCallsMax / 4);
    if (this.#isCalm && roots > limits.activeCallsMax)
      this.failed(`${host} runs ${roots} calls of ${user} that nobody chained`);
    if (this.#isCalm && here.size > most) this.failed(`${host} runs ${here.size} calls, and may run ${most}`);
    if (!this.#isCalm) return;
    const attempts = [...here.values()].filter(({ attempt }) => attempt !== undefined);
    const all = [...this.#onHost.values()].length * limits.asyncCallsMax;
    if (attempts.length > all) this.failed(`${host} runs ${attempts.length} asynchronous calls`);
  }

  left(run: SeenRun): void {
    this.#onHost.get(run.host)?.delete(run.id);
    this.#leave(run);
  }

  /** All that ran there is gone. */
  hostGone(host: string): void {
    this.#onHost.delete(host);
    for (const [key, executor] of this.#executorOf) {
      if (!key.startsWith(`${host} `)) continue;
      this.#onExecutor.delete(executor);
      this.#executorOf.delete(key);
    }
  }

  answered(user: string, name: string, input: string, output: Uint8Array): void {
    this.count(`ok ${name}`);
    const text = Buffer.from(output).toString();
    const expected = answerOf(name, user, input);
    if (text !== expected) this.failed(`${user}/${name} answered ${text}, not ${expected}`);
  }

  /** A call that was not asynchronous has been answered. */
  ranOnce(id: CallId, what: string): void {
    const runs = this.#runs.get(id) ?? 0;
    if (this.#isCalm && runs !== 1) this.failed(`${what} ${id} was answered and ran ${runs} times`);
  }

  accept(call: Accepted): void {
    const known = this.accepted.get(call.id);
    if (known !== undefined && known.input !== call.input)
      this.failed(`${call.id} was accepted for two calls`);
    this.accepted.set(call.id, known ?? call);
    this.count('accepted');
  }

  seenStatus({ id, state, returnValue }: Pick<CallStatus, 'id' | 'state' | 'returnValue'>): void {
    const call = this.accepted.get(id);
    if (call === undefined) return;
    const end = `${state} ${returnValue}`;
    if (call.end === undefined) {
      if (ended.has(state)) call.end = end;
    } else if (call.end !== end) this.failed(`${call.function} ${id} had ended ${call.end}, and is ${end}`);
  }

  /** What a host has on its disk of the calls that it accepted. @param atEnd they all have ended */
  checkQueue(host: SimHost, atEnd: boolean): void {
    const rows = host.db
      .prepare(
        'SELECT call.id, user, state, attempts, returnValue, error, output.bytes FROM call LEFT JOIN output ON output.id = call.id',
      )
      .all();
    const byId = new Map(rows.map((row) => [row.id as string, row]));
    for (const call of this.accepted.values()) {
      if (call.host !== host.name) continue;
      const { id, user, function: name, input } = call;
      const row = byId.get(id);
      if (row === undefined) {
        this.failed(`${name} ${id} was accepted by ${host.name} and is not there`);
        continue;
      }
      const state = row.state as CallStatus['state'];
      this.seenStatus({ id, state, returnValue: row.returnValue as number | null });
      if (Number(row.attempts) > host.attemptsMax)
        this.failed(`${name} ${id} was tried ${row.attempts} times`);
      const runs = this.#runs.get(id) ?? 0;
      if (state === 'succeeded') {
        if (runs === 0) this.failed(`${name} ${id} succeeded and never ran`);
        const text = Buffer.from(row.bytes as Uint8Array).toString();
        if (text !== answerOf(name, user, input)) this.failed(`${name} ${id} has put out ${text}`);
      }
      if (atEnd && !ended.has(state)) this.failed(`${name} ${id} is ${state} when all has ended`);
      if (this.#isCalm && atEnd && runs > Number(row.attempts))
        this.failed(`${name} ${id} ran ${runs} times in ${row.attempts} attempts`);
      if (this.#isCalm && atEnd) this.#checkCalmEnd(call, state, row.error as string | null);
    }
  }

  /** A call that is late, or waits for its turn in vain, fails where nothing is wrong too. */
  #checkCalmEnd({ id, function: name }: Accepted, state: CallStatus['state'], error: string | null): void {
    if (state === 'cancelled' || state === 'succeeded') return;
    const { code } = JSON.parse(error ?? '{}') as { code?: string };
    const allowed = ['deadline_exceeded', 'too_many_requests', ...(mayEndWith[name] ?? [])];
    if (!allowed.includes(code ?? '')) this.failed(`${name} ${id} ended ${state} with ${code}`);
  }

  #leave({ host, id }: SeenRun): void {
    const key = `${host} ${id}`;
    this.#onExecutor.get(this.#executorOf.get(key) ?? '')?.delete(id);
    this.#executorOf.delete(key);
  }

  // State

  begunWrite(name: string, value: string): Write {
    const write = { value, startMs: this.#world.nowMs, endMs: Number.POSITIVE_INFINITY };
    const writes = this.#writes.get(name) ?? [];
    this.#writes.set(name, writes);
    writes.push(write);
    return write;
  }

  acknowledgedWrite(write: Write): void {
    write.endMs = this.#world.nowMs;
    this.count('written');
  }

  /** @param value nothing: there was none @param startMs of the read */
  seenValue(name: string, value: string | undefined, startMs: number): void {
    this.count('read');
    const user = name.split('/')[0]!;
    if (value !== undefined && !value.startsWith(`${user} `)) this.failed(`${name} reads ${value}`);
    const writes = this.#writes.get(name) ?? [];
    const before = writes.filter(({ endMs }) => endMs < startMs);
    const newestStartMs = Math.max(Number.NEGATIVE_INFINITY, ...before.map((write) => write.startMs));
    if (value === undefined) {
      if (before.length > 0) this.failed(`${name} is nothing, and ${before.at(-1)!.value} was acknowledged`);
      return;
    }
    const write = writes.find((one) => one.value === value);
    if (write === undefined) this.failed(`${name} is ${value}, which nobody wrote`);
    // It was overwritten by one that began after it had ended.
    else if (write.endMs < newestStartMs) this.failed(`${name} reads ${value}, which is overwritten`);
  }

  begunToken(user: string, key: StateKey, token: string): void {
    const tokens = this.#tokens.get(`${user}/${key}`) ?? new Map<string, Token>();
    this.#tokens.set(`${user}/${key}`, tokens);
    const known = tokens.get(token);
    if (known === undefined) tokens.set(token, { key, acknowledged: false, most: 1 });
    else known.most++;
  }

  acknowledgedToken(user: string, key: StateKey, token: string): void {
    this.count('appended');
    this.#tokens.get(`${user}/${key}`)!.get(token)!.acknowledged = true;
  }

  appended(user: string, key: StateKey, token: string): void {
    this.begunToken(user, key, token);
    this.acknowledgedToken(user, key, token);
  }

  /** @param isWhole of a guest's log, which has more tokens than were acknowledged */
  checkTokens(user: string, key: StateKey, value: Uint8Array | undefined, isGuests: boolean): void {
    const name = `${user}/${key}`;
    const text = Buffer.from(value ?? new Uint8Array(0)).toString();
    if (text.length % tokenBytes !== 0) this.failed(`${name} has a torn token`);
    const found = new Map<string, number>();
    for (let at = 0; at < text.length; at += tokenBytes) {
      const token = text.slice(at, at + tokenBytes);
      found.set(token, (found.get(token) ?? 0) + 1);
      if (!token.startsWith(`${user}.`)) this.failed(`${name} has ${token}`);
    }
    const tokens = this.#tokens.get(name) ?? new Map<string, Token>();
    for (const [token, { acknowledged, most }] of tokens) {
      const times = found.get(token) ?? 0;
      if (acknowledged && times === 0) this.failed(`${name} has lost ${token}`);
      if (!isGuests && times > most) this.failed(`${name} has ${token} ${times} times`);
    }
  }

  counted(user: string, key: StateKey, value: number): void {
    const name = `${user}/${key}`;
    const counted = this.#counted.get(name) ?? new Set<number>();
    this.#counted.set(name, counted);
    this.count('counted');
    if (counted.has(value)) this.failed(`${name} was counted to ${value} twice`);
    counted.add(value);
  }

  checkCount(user: string, key: StateKey, value: Uint8Array | undefined): void {
    const name = `${user}/${key}`;
    const [, number = 0] = Buffer.from(value ?? new Uint8Array(0))
      .toString()
      .split(' ');
    const most = Math.max(0, ...(this.#counted.get(name) ?? []));
    if (Number(number) < most) this.failed(`${name} is ${number}, and ${most} was acknowledged`);
  }

  granted(name: string, _owner: string, _mode: string, fence: number): void {
    const before = this.#fences.get(name) ?? 0;
    if (fence <= before) this.failed(`${name} is locked with fence ${fence} after ${before}`);
    this.#fences.set(name, fence);
    this.count('locked');
  }

  changed(name: string, fence: number | undefined): void {
    if (fence === undefined) return;
    const before = this.#writtenFences.get(name) ?? 0;
    if (fence < before) this.failed(`${name} is written under fence ${fence} after ${before}`);
    this.#writtenFences.set(name, fence);
  }
}
