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
  /** Nothing: of whichever host had it. */
  readonly host: string | undefined;
  readonly user: string;
  readonly function: string;
  readonly input: string;
  /** How it has ended, once somebody was told. */
  end: string | undefined;
}

interface Write {
  /** Nothing: what was there is deleted. */
  readonly value: string | undefined;
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

/** Hosts tell of themselves once a second: a host that is new is not waited for before others have heard of it. */
const allKnownMs = 2500;

/** What nobody is answered with where nothing is wrong. */
const needsFault: ReadonlySet<string> = new Set(['lock_lost', 'storage_unavailable', 'storage_corrupt']);

/** Where nothing is wrong. */
const mayEndWith: Readonly<Record<string, readonly string[]>> = {
  fail: ['guest_returned'],
  trap: ['guest_trapped'],
  awaits: ['guest_returned'],
};

/** As it is before anything is written. */
const nothing: Write = {
  value: undefined,
  startMs: Number.NEGATIVE_INFINITY,
  endMs: Number.NEGATIVE_INFINITY,
};

const ended: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'dead']);

export class Ledger implements ExecutorObserver, GuestObserver, StateObserver {
  readonly #world: World;
  /** No fault ever happens in this world, so all is exact. */
  readonly #isCalm: boolean;
  /** All faults and what came of them have ended, so bounds are exact. */
  isQuiet = false;
  readonly accepted = new Map<CallId, Accepted>();
  readonly #runs = new Map<CallId, number>();
  /** Per host: what is inside guests, and what is on executors. */
  readonly #onHost = new Map<string, Map<CallId, SeenRun>>();
  readonly #posted = new Map<string, Set<SeenRun>>();
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

  /** A client was answered with an error. */
  refused(subject: string, code: string): void {
    this.count(`error ${code}`);
    if (this.#isCalm && needsFault.has(code))
      this.failed(`${subject} was answered ${code} where nothing was wrong`);
  }

  // Calls

  posted(run: SeenRun): void {
    const { host, executor, user } = run;
    const there = this.#posted.get(host) ?? new Set<SeenRun>();
    this.#posted.set(host, there);
    for (const other of there) {
      if (other.executor === executor && other.user !== user)
        this.failed(`${executor} has calls of ${other.user} and ${user} at once`);
    }
    there.add(run);
  }

  begun(run: SeenRun): void {
    const { host, id, user } = run;
    this.count(`run ${run.function}`);
    this.#world.trace(`${host} runs ${run.function} ${id}`);
    this.#runs.set(id, (this.#runs.get(id) ?? 0) + 1);
    const here = this.#onHost.get(host) ?? new Map<CallId, SeenRun>();
    this.#onHost.set(host, here);
    if (here.has(id)) this.failed(`${host} runs ${run.function} ${id} twice at once`);
    here.set(id, run);
    if (!this.#isCalm && !this.isQuiet) return;
    const all = [...here.values()].filter(({ isCancelled }) => !isCancelled);
    const roots = all.filter((one) => one.user === user && one.depth === 0).length;
    if (roots > limits.activeCallsMax)
      this.failed(`${host} runs ${roots} calls of ${user} that nobody chained`);
    // As many more as are kept for chained calls, and for other users.
    const most = limits.activeCallsMax + Math.ceil(limits.activeCallsMax / 4);
    if (all.length > most) this.failed(`${host} runs ${all.length} calls, and may run ${most}`);
    const attempts = [...this.#onHost.values()].flatMap((runs) =>
      [...runs.values()].filter(({ attempt, isCancelled }) => attempt !== undefined && !isCancelled),
    ).length;
    const attemptsMax = this.#onHost.size * limits.asyncCallsMax;
    if (attempts > attemptsMax) this.failed(`${attempts} attempts at asynchronous calls run`);
  }

  left(run: SeenRun): void {
    this.#world.trace(`${run.host} has run ${run.id}`);
    this.#onHost.get(run.host)?.delete(run.id);
    this.#posted.get(run.host)?.delete(run);
  }

  /** All that ran there is gone. @param isClean whether it has stopped, and saved what was to be saved */
  hostGone(host: string, isClean: boolean): void {
    for (const [name, writes] of isClean ? [] : this.#writes) {
      // What was in its memory may be lost, or not.
      if (name.endsWith(`/scribble-${host}`))
        for (const write of writes) write.endMs = Number.POSITIVE_INFINITY;
    }
    this.#onHost.delete(host);
    this.#posted.delete(host);
  }

  answered(user: string, name: string, input: string, output: Uint8Array): void {
    this.count(`ok ${name}`);
    const text = Buffer.from(output).toString();
    const expected = answerOf(name, user, input);
    if (text !== expected) this.failed(`${user}/${name} answered ${text}, not ${expected}`);
  }

  /** A call that was not asynchronous has been answered, however often it was sent. */
  ranOnce(what: string, ...ids: readonly CallId[]): void {
    const runs = ids.reduce((sum, id) => sum + (this.#runs.get(id) ?? 0), 0);
    if (this.#isCalm && runs !== 1) this.failed(`${what} ${ids} was answered and ran ${runs} times`);
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

  /** What hosts have on their disks of the calls that they accepted, when all have ended. */
  checkQueues(hosts: readonly SimHost[]): void {
    const queues = new Map(hosts.map((host) => [host.name, rowsOf(host)]));
    for (const call of this.accepted.values()) {
      const found = [...queues].filter(([name, rows]) => (call.host ?? name) === name && rows.has(call.id));
      if (found.length === 1) this.#checkCall(call, found[0]![1].get(call.id)!, hosts[0]!.attemptsMax);
      else this.failed(`${call.function} ${call.id} was accepted, and ${found.length} hosts have it`);
    }
  }

  #checkCall(call: Accepted, row: Row, attemptsMax: number): void {
    const { id, user, function: name, input } = call;
    const { state, attempts, returnValue, error, bytes } = row;
    const runs = this.#runs.get(id) ?? 0;
    this.seenStatus({ id, state, returnValue });
    if (!ended.has(state)) this.failed(`${name} ${id} is ${state} when all has ended`);
    if (attempts > attemptsMax) this.failed(`${name} ${id} was tried ${attempts} times`);
    if (state === 'succeeded') {
      if (runs === 0) this.failed(`${name} ${id} succeeded and never ran`);
      if (name !== 'versioned') this.answered(user, name, input, bytes!);
    }
    if (!this.#isCalm) return;
    if (runs > attempts) this.failed(`${name} ${id} ran ${runs} times in ${attempts} attempts`);
    this.#checkCalmEnd(call, state, error);
  }

  /** A call that is late, waits for its turn in vain or is beside one that crashes fails where nothing is wrong too. */
  #checkCalmEnd({ id, function: name }: Accepted, state: CallStatus['state'], error: string | null): void {
    if (state === 'cancelled' || state === 'succeeded') return;
    const { code } = JSON.parse(error ?? '{}') as { code?: string };
    const allowed = ['deadline_exceeded', 'too_many_requests', 'executor_lost', ...(mayEndWith[name] ?? [])];
    if (!allowed.includes(code ?? '')) this.failed(`${name} ${id} ended ${state} with ${code}`);
  }

  // State

  begunWrite(name: string, value: string | undefined): Write {
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
    const writes = [nothing, ...(this.#writes.get(name) ?? [])];
    const newestStartMs = Math.max(
      ...writes.filter(({ endMs }) => endMs < startMs).map((write) => write.startMs),
    );
    const mayBe = writes.filter((write) => write.value === value);
    if (mayBe.length === 0) this.failed(`${name} is ${value}, which nobody wrote`);
    // Each was overwritten by one that began after it had ended.
    else if (mayBe.every(({ endMs }) => endMs < newestStartMs))
      this.failed(`${name} reads ${value}, which is overwritten`);
  }

  begunUpload(user: string, version: string): Write {
    return this.begunWrite(`${user}/versions`, version);
  }

  /** @param isStrict whether all hosts can be reached, so that none runs what was replaced */
  seenVersion(user: string, version: string, startMs: number, isStrict: boolean): void {
    const writes = this.#writes.get(`${user}/versions`) ?? [];
    const at = writes.findLastIndex((write) => write.value === version);
    if (at === -1) this.failed(`a version of ${user} ran that nobody uploaded: ${version}`);
    const isReplaced = writes
      .slice(at + 1)
      .some((write) => write.startMs > allKnownMs && write.endMs < startMs);
    if (isStrict && isReplaced) this.failed(`a version of ${user} ran that was replaced before: ${version}`);
    this.count(isStrict ? 'version strictly' : 'version');
  }

  scribbles(_host: string, user: string, key: StateKey, value: string): () => void {
    const write = this.begunWrite(`${user}/${key}`, value);
    return () => this.acknowledgedWrite(write);
  }

  /** @param times how often it may be there: a message that came twice appends twice */
  begunToken(user: string, key: StateKey, token: string, times: number): void {
    const tokens = this.#tokens.get(`${user}/${key}`) ?? new Map<string, Token>();
    this.#tokens.set(`${user}/${key}`, tokens);
    const known = tokens.get(token);
    if (known === undefined) tokens.set(token, { key, acknowledged: false, most: times });
    else known.most += times;
  }

  acknowledgedToken(user: string, key: StateKey, token: string): void {
    this.count('appended');
    this.#tokens.get(`${user}/${key}`)!.get(token)!.acknowledged = true;
  }

  appended(user: string, key: StateKey, token: string): void {
    this.begunToken(user, key, token, 1);
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

  /** The most that was counted to, and acknowledged. */
  countedTo(user: string, key: StateKey): number {
    return Math.max(0, ...(this.#counted.get(`${user}/${key}`) ?? []));
  }

  checkCount(user: string, key: StateKey, value: Uint8Array | undefined): void {
    const name = `${user}/${key}`;
    const [, number = 0] = Buffer.from(value ?? new Uint8Array(0))
      .toString()
      .split(' ');
    const most = this.countedTo(user, key);
    if (Number(number) < most) this.failed(`${name} is ${number}, and ${most} was acknowledged`);
  }

  granted(name: string, _owner: string, _mode: string, fence: number): void {
    const before = this.#fences.get(name) ?? 0;
    if (fence <= before) this.failed(`${name} is locked with fence ${fence} after ${before}`);
    this.#fences.set(name, fence);
    this.count('locked');
    this.#world.trace(`${_owner} has locked ${name}`);
  }

  changed(name: string, fence: number | undefined): void {
    if (fence === undefined) return;
    const before = this.#writtenFences.get(name) ?? 0;
    if (fence < before) this.failed(`${name} is written under fence ${fence} after ${before}`);
    this.#writtenFences.set(name, fence);
  }
}

interface Row {
  readonly id: CallId;
  readonly state: CallStatus['state'];
  readonly attempts: number;
  readonly returnValue: number | null;
  readonly error: string | null;
  readonly bytes: Uint8Array | null;
}

function rowsOf({ db }: SimHost): Map<CallId, Row> {
  const rows = db
    .prepare(
      'SELECT call.id, state, attempts, returnValue, error, bytes FROM call LEFT JOIN output ON output.id = call.id',
    )
    .all() as unknown as Row[];
  return new Map(rows.map((row) => [row.id, row]));
}
