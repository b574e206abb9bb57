/**
 * The hosts that calls can go to, as their heartbeats tell of them, and to which of them a call goes.
 *
 * What counts is how soon a call would begin: what the calls of a host still have to compute, shared among its cores.
 * A heartbeat says that once a second; what this host has placed there since, and what of it has ended, is counted in
 * between:
 *
 *     waitUs = (what of backlogUs has not ended since + what was placed since and has not ended) / cores
 *
 * A call stays where it arrived unless it would begin elsewhere sooner by more than the way there costs: first one of
 * the hosts that have a warm Faaslet is tried, then any. Of both kinds it is the less loaded of two taken at random:
 * so hosts that decide at once do not all choose the same one, and it takes as long for a thousand hosts as for three
 * (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 *
 * Pure: time comes with each message, and random numbers are handed in.
 */
import type { HostStatus } from '../../proto/messages.ts';
import type { CallId, HostId } from '../../proto/names.ts';
import { hearWarm } from '../hosts/warm.ts';
import { RandomSet } from './random-set.ts';

export interface HostLimits {
  /** A host that was silent for so long is forgotten, and the calls that were placed there are lost. */
  readonly hostSilentMs: number;
  /** How much sooner a call has to begin elsewhere to be worth the way. */
  readonly awayUs: number;
  /** What a byte of its input adds to that. */
  readonly awayUsPerByte: number;
  /** How much longer a call takes where its program has no warm Faaslet. */
  readonly coldUs: number;
}

/** More hosts than so many are not taken notice of. */
const hostsMax = 10_000;
/** A host without room, or silent for a moment, is passed over; so often another is taken. */
const triesMax = 4;

interface KnownHost {
  readonly id: HostId;
  status: HostStatus;
  readonly warm: Set<string>;
  heardMs: number;
  /** How often it was heard. */
  beat: number;
  /** Placed there from here since it was heard, and not ended. */
  placedUs: number;
  /** Placed there from here before, and ended since. */
  endedUs: number;
  /** Placed there from here. */
  readonly calls: Set<CallId>;
}

/** A call on a host. */
export interface Placed {
  readonly host: HostId;
  readonly costUs: number;
  readonly beat: number;
}

export class Hosts {
  readonly #self: HostId;
  readonly #store: string;
  readonly #limits: HostLimits;
  readonly #random: () => number;
  readonly #known = new Map<HostId, KnownHost>();
  /** The others that take calls, by where they have their functions. */
  readonly #serving = new Map<string, RandomSet<KnownHost>>();
  /** Those of them that share this host's functions, by the programs that they have a warm Faaslet of. */
  readonly #warm = new Map<string, RandomSet<KnownHost>>();
  #reachable = true;

  /** @param store where this host has its functions */
  constructor(self: HostId, store: string, limits: HostLimits, random: () => number) {
    this.#self = self;
    this.#store = store;
    this.#limits = limits;
    this.#random = random;
  }

  /** This host among them, once it was heard. */
  get size(): number {
    return this.#known.size;
  }

  /** @returns the calls that were placed there and will not be answered any more */
  hear(status: HostStatus, nowMs: number): CallId[] {
    const before = this.#known.get(status.host);
    const lost: CallId[] = [];
    if (before !== undefined && before.status.instance !== status.instance) {
      lost.push(...this.forget(before.id));
    }
    if (status.phase === 'gone') return [...lost, ...this.forget(status.host)];
    if (this.#known.size >= hostsMax && !this.#known.has(status.host)) return lost;
    const known = this.#known.get(status.host) ?? {
      id: status.host,
      status,
      warm: new Set<string>(),
      heardMs: nowMs,
      beat: 0,
      placedUs: 0,
      endedUs: 0,
      calls: new Set<CallId>(),
    };
    this.#known.set(status.host, known);
    this.#cool(known, status.warm.whole ? known.warm : status.warm.removed);
    hearWarm(known.warm, status.warm);
    known.status = status;
    known.heardMs = nowMs;
    known.beat++;
    known.placedUs = 0;
    known.endedUs = 0;
    if (status.host === this.#self) return lost;
    if (status.phase === 'serving') this.#serve(known);
    else this.#leave(known);
    return lost;
  }

  /**
   * Whether the others can be reached at all. While they cannot, nothing is placed there and their silence says
   * nothing of them.
   */
  reach(reachable: boolean, nowMs: number): void {
    this.#reachable = reachable;
    for (const known of this.#known.values()) known.heardMs = nowMs;
  }

  /** Nobody took a call there: it gets none before it is heard again. */
  shun(host: HostId): void {
    const known = this.#known.get(host);
    if (known !== undefined) this.#leave(known);
  }

  /** It is no more. @returns the calls that were placed there */
  forget(host: HostId): CallId[] {
    const known = this.#known.get(host);
    if (known === undefined) return [];
    this.#known.delete(host);
    this.#leave(known);
    return [...known.calls];
  }

  /** Forgets who was silent for too long. @returns the calls that were placed there */
  forgetSilent(nowMs: number): CallId[] {
    if (!this.#reachable) return [];
    const lost: CallId[] = [];
    for (const known of this.#known.values()) {
      if (known.id !== this.#self && this.#isSilent(known, nowMs)) lost.push(...this.forget(known.id));
    }
    return lost;
  }

  /**
   * @param program as `user/name@version`
   * @param store where that version is kept, as in HostStores
   * @returns nothing where it is kept by others and none of them is there
   */
  choose(program: string, store: string, inputBytes: number, nowMs: number): HostId | undefined {
    const { coldUs, awayUsPerByte } = this.#limits;
    const awayUs = this.#limits.awayUs + inputBytes * awayUsPerByte;
    if (store !== this.#store) return this.#lessLoaded(this.#serving.get(store), nowMs)?.id;
    const here = this.#known.get(this.#self);
    if (here === undefined) return this.#self;
    const hereUs = waitUs(here);
    if (hereUs <= awayUs && hasRoom(here)) return this.#self;
    const warm = this.#lessLoaded(this.#warm.get(program), nowMs);
    if (warm !== undefined && isSooner(waitUs(warm) + awayUs)) return warm.id;
    const cold = this.#lessLoaded(this.#serving.get(store), nowMs);
    if (cold !== undefined && isSooner(waitUs(cold) + awayUs + coldUs)) return cold.id;
    return this.#self;

    function isSooner(thereUs: number): boolean {
      return thereUs < hereUs || !hasRoom(here!);
    }
  }

  /** A call is placed there. */
  begin(host: HostId, id: CallId, costUs: number): Placed {
    const known = this.#known.get(host);
    if (known === undefined) return { host, costUs, beat: 0 };
    known.placedUs += costUs;
    if (host !== this.#self) known.calls.add(id);
    return { host, costUs, beat: known.beat };
  }

  /** It has ended, or nobody took it there. */
  end({ host, costUs, beat }: Placed, id: CallId): void {
    const known = this.#known.get(host);
    if (known === undefined) return;
    if (beat === known.beat) known.placedUs -= costUs;
    else known.endedUs += costUs;
    if (host !== this.#self) known.calls.delete(id);
  }

  #lessLoaded(hosts: RandomSet<KnownHost> | undefined, nowMs: number): KnownHost | undefined {
    if (hosts === undefined || !this.#reachable) return undefined;
    const one = this.#pick(hosts, nowMs);
    const other = this.#pick(hosts, nowMs);
    if (one === undefined || other === undefined) return one ?? other;
    return waitUs(other) < waitUs(one) ? other : one;
  }

  #pick(hosts: RandomSet<KnownHost>, nowMs: number): KnownHost | undefined {
    for (let tries = 0; tries < triesMax; tries++) {
      const picked = hosts.pick(this.#random());
      if (picked !== undefined && hasRoom(picked) && !this.#isSilent(picked, nowMs)) return picked;
    }
    return undefined;
  }

  #isSilent({ heardMs }: KnownHost, nowMs: number): boolean {
    return nowMs - heardMs >= this.#limits.hostSilentMs;
  }

  /** Calls can be placed there. */
  #serve(known: KnownHost): void {
    const { functions } = known.status.stores;
    addTo(this.#serving, functions, known);
    if (functions !== this.#store) return;
    for (const program of known.status.warm.added) {
      if (known.warm.has(program)) addTo(this.#warm, program, known);
    }
  }

  /** None is any more. */
  #leave(known: KnownHost): void {
    removeFrom(this.#serving, known.status.stores.functions, known);
    this.#cool(known, known.warm);
  }

  #cool(known: KnownHost, programs: Iterable<string>): void {
    for (const program of programs) removeFrom(this.#warm, program, known);
  }
}

function addTo<T>(sets: Map<string, RandomSet<T>>, key: string, item: T): void {
  let set = sets.get(key);
  if (set === undefined) sets.set(key, (set = new RandomSet()));
  set.add(item);
}

function removeFrom<T>(sets: Map<string, RandomSet<T>>, key: string, item: T): void {
  const set = sets.get(key);
  set?.delete(item);
  if (set?.size === 0) sets.delete(key);
}

function waitUs({ status, placedUs, endedUs }: KnownHost): number {
  return (Math.max(0, status.backlogUs - endedUs) + placedUs) / Math.max(1, status.cores);
}

function hasRoom({ status }: KnownHost): boolean {
  return status.activeCalls < status.capacity;
}
