/** What the console shows: the hosts, the functions, and the calls of the last minutes. Time comes with each message. */
import type { FunctionChanged, HostStatus } from '../../proto/messages.ts';
import type { HostId } from '../../proto/names.ts';
import { hearWarm } from '../hosts/warm.ts';
import { Quantiles } from './quantiles.ts';
import type { SeenCall } from './seen-call.ts';

/** Of calls, whatever there were more of in the last minutes. */
const callsMax = 200;
const callsKeptMs = 5 * 60 * 1000;
const functionsMax = 1000;
const hostsMax = 1000;

/** A host tells of itself once a second; one that did not for so long is gone. */
const hostSilenceMaxMs = 10_000;

/** As far back as throughput and latency go. */
const secondsKept = 120;

export interface HostRow
  extends Pick<
    HostStatus,
    'host' | 'executors' | 'faaslets' | 'faasletBytes' | 'activeCalls' | 'queuedCalls' | 'capacity'
  > {
  readonly warmFunctions: number;
  readonly draining: boolean;
  /** Since it last told of itself. */
  readonly silentMs: number;
}

export interface FunctionRow {
  readonly user: string;
  readonly name: string;
  /** The live one, in hex; nothing where it is not known. */
  readonly version: string | null;
  readonly calls: number;
  readonly failed: number;
  readonly lastCallAtMs: number | null;
  /** Hosts that have a warm Faaslet of it. */
  readonly warmHosts: number;
}

export interface SecondRow {
  readonly calls: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** The JSON behind the page. */
export interface BoardData {
  readonly host: string;
  readonly nowMs: number;
  readonly hosts: readonly HostRow[];
  readonly functions: readonly FunctionRow[];
  /** Newest first. */
  readonly calls: readonly SeenCall[];
  /** Oldest first, one for each second, the present one left out. */
  readonly seconds: readonly SecondRow[];
}

interface Second {
  at: number;
  failed: number;
  readonly durations: Quantiles;
}

interface SeenHost {
  readonly status: HostStatus;
  readonly warm: Set<string>;
  readonly seenAtMs: number;
}

interface SeenFunction {
  readonly user: string;
  readonly name: string;
  version: string | null;
  /** Whether the version was asked for. */
  asked: boolean;
  calls: number;
  failed: number;
  lastCallAtMs: number | null;
}

export class Board {
  readonly #host: HostId;
  readonly #hosts = new Map<string, SeenHost>();
  readonly #functions = new Map<string, SeenFunction>();
  readonly #calls: SeenCall[] = [];
  #nextCall = 0;
  readonly #seconds: Second[] = Array.from({ length: secondsKept + 1 }, () => ({
    at: -1,
    failed: 0,
    durations: new Quantiles(),
  }));

  constructor(host: HostId) {
    this.#host = host;
  }

  onCall(call: SeenCall, nowMs: number): void {
    this.#calls[this.#nextCall] = call;
    this.#nextCall = (this.#nextCall + 1) % callsMax;
    const failed = call.code === 'ok' ? 0 : 1;
    const second = this.#secondAt(Math.floor(nowMs / 1000));
    second.failed += failed;
    second.durations.add(call.durationMs);
    const seen = this.#functionOf(call.user, call.function);
    seen.calls++;
    seen.failed += failed;
    seen.lastCallAtMs = call.endedAtMs;
  }

  onHost(status: HostStatus, nowMs: number): void {
    if (status.phase === 'gone') {
      this.#hosts.delete(status.host);
      return;
    }
    const seen = this.#hosts.get(status.host);
    if (seen === undefined && this.#hosts.size >= hostsMax) return;
    const warm = seen?.warm ?? new Set<string>();
    hearWarm(warm, status.warm);
    this.#hosts.set(status.host, { status, warm, seenAtMs: nowMs });
  }

  onFunction({ user, name, version }: Pick<FunctionChanged, 'user' | 'name' | 'version'>): void {
    if (version === null) this.#functions.delete(`${user}/${name}`);
    else this.#functionOf(user, name).version = version;
  }

  /** The last heartbeat of this host, if there was one. */
  ownStatus(): HostStatus | undefined {
    return this.#hosts.get(this.#host)?.status;
  }

  /** Functions whose live version nobody told of yet; each is given once. */
  takeUnknown(limit: number): { user: string; name: string }[] {
    const unknown: SeenFunction[] = [];
    for (const seen of this.#functions.values()) {
      if (unknown.length === limit) break;
      if (seen.version !== null || seen.asked) continue;
      seen.asked = true;
      unknown.push(seen);
    }
    return unknown;
  }

  data(nowMs: number): BoardData {
    for (const [host, { seenAtMs }] of this.#hosts) {
      if (nowMs - seenAtMs > hostSilenceMaxMs) this.#hosts.delete(host);
    }
    return {
      host: this.#host,
      nowMs,
      hosts: this.#hostRows(nowMs),
      functions: this.#functionRows(),
      calls: this.#callRows(nowMs),
      seconds: this.#secondRows(Math.floor(nowMs / 1000)),
    };
  }

  #hostRows(nowMs: number): HostRow[] {
    return [...this.#hosts.values()]
      .map(({ status, seenAtMs }) => ({
        host: status.host,
        executors: status.executors,
        faaslets: status.faaslets,
        faasletBytes: status.faasletBytes,
        activeCalls: status.activeCalls,
        queuedCalls: status.queuedCalls,
        capacity: status.capacity,
        warmFunctions: status.warmPrograms,
        draining: status.phase !== 'serving',
        silentMs: nowMs - seenAtMs,
      }))
      .sort((left, right) => (left.host < right.host ? -1 : 1));
  }

  #functionRows(): FunctionRow[] {
    const warmHosts = new Map<string, number>();
    for (const { warm } of this.#hosts.values()) {
      for (const program of warm) {
        const id = program.slice(0, program.indexOf('@'));
        warmHosts.set(id, (warmHosts.get(id) ?? 0) + 1);
      }
    }
    return [...this.#functions]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([id, { asked: _, ...seen }]) => ({ ...seen, warmHosts: warmHosts.get(id) ?? 0 }));
  }

  #callRows(nowMs: number): SeenCall[] {
    const newest = this.#calls.slice(0, this.#nextCall).reverse();
    const older = this.#calls.slice(this.#nextCall).reverse();
    return [...newest, ...older].filter(({ endedAtMs }) => nowMs - endedAtMs <= callsKeptMs);
  }

  #secondRows(now: number): SecondRow[] {
    return Array.from({ length: secondsKept }, (_, index) => {
      const at = now - secondsKept + index;
      const second = this.#seconds[at % this.#seconds.length];
      if (second?.at !== at) return { calls: 0, failed: 0, p50Ms: null, p95Ms: null };
      const { durations, failed } = second;
      return {
        calls: durations.count,
        failed,
        p50Ms: durations.atMs(0.5),
        p95Ms: durations.atMs(0.95),
      };
    });
  }

  #secondAt(at: number): Second {
    const second = this.#seconds[at % this.#seconds.length]!;
    if (second.at !== at) {
      second.at = at;
      second.failed = 0;
      second.durations.clear();
    }
    return second;
  }

  /** Where there are too many, the one that has been known longest gives way. */
  #functionOf(user: string, name: string): SeenFunction {
    const id = `${user}/${name}`;
    const known = this.#functions.get(id);
    if (known !== undefined) return known;
    if (this.#functions.size >= functionsMax) this.#functions.delete(this.#functions.keys().next().value!);
    const seen = { user, name, version: null, asked: false, calls: 0, failed: 0, lastCallAtMs: null };
    this.#functions.set(id, seen);
    return seen;
  }
}
