/**
 * State as an executor's guests use it. What is in shared memory is read and written in place, without a message;
 * the state actor is asked for what is not there yet, for more room, to make something durable, and for locks.
 *
 * A method gives its value at once when nothing had to be waited for, and a promise otherwise. Bytes that are passed
 * in may be live guest memory: they are copied before anything is waited for, and `into` is asked for anew after.
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { StateKey, UserName } from '../../../proto/names.ts';
import type { Timers } from '../../power/port.ts';
import type { LockMode } from '../core/locks.ts';
import { showValue } from '../core/value-name.ts';
import type {
  LockGrant,
  LockOptions,
  OpenAnswer,
  OpenRequest,
  PushRequest,
  ReadAnswer,
  ReadRequest,
  ResizeRequest,
  TierOp,
  WriteRequest,
} from './messages.ts';
import { OpenSegments } from './open-segments.ts';
import {
  addMapping,
  capacityOf,
  flagDirty,
  isRetired,
  readBytes,
  type Segment,
  type SegmentView,
  setSize,
  sizeOf,
  writeBytes,
} from './segment.ts';
import { withMutex } from './segment-mutex.ts';
import type { WritePlace } from './write-place.ts';

/** Asks the state actor; the value and the answer are those of `TierAsks[op]`. @throws FaasmError */
export type AskState = (op: TierOp, user: UserName, key: StateKey, value: unknown) => Promise<unknown>;

export interface LocalTierOptions {
  readonly timers: Timers;
  /** The executor, by the name that `executor.gone` calls it. */
  readonly owner: string;
  readonly ask: AskState;
  /** How long a guest waits for a lock, in milliseconds. @default 60000 */
  readonly lockWaitMs?: number;
}

export interface LocalTier {
  /** For one call of this user; `end` is called when the call has ended, however it did. */
  begin(user: UserName): GuestState;
}

export function createLocalTier({ timers, owner, ask, lockWaitMs = 60_000 }: LocalTierOptions): LocalTier {
  const segments = new OpenSegments(timers);
  let calls = 0;
  return {
    begin: (user) =>
      new GuestState(user, `${owner}/${++calls}`, { timers, owner, ask, lockWaitMs }, segments),
  };
}

/** What is done to a segment under its mutex. */
interface Access<T> {
  readonly open: Pick<OpenRequest, 'mode' | 'totalBytes' | 'roomBytes'>;
  /** The room that `work` needs, in bytes. */
  room(view: SegmentView): number;
  work(view: SegmentView): T;
  /** Does it where the value is, if it is not brought into memory. */
  direct(): Promise<T>;
  /** What cannot be done to an immutable value. */
  readonly writes?: true;
}

/** Retirements between asking for a segment and using it; more of them one after the other is a bug. */
const triesMax = 1000;

const readOnly = { mode: 'read', totalBytes: 0, roomBytes: 0 } as const;
const noRoom = (): number => 0;

export class GuestState {
  readonly #user: UserName;
  readonly #call: string;
  readonly #options: Required<LocalTierOptions>;
  readonly #segments: OpenSegments;
  readonly #mapped: SegmentView[] = [];
  /** The fencing number of each lock; nothing while it is asked for. */
  readonly #locked = new Map<StateKey, number | undefined>();

  constructor(user: UserName, call: string, options: Required<LocalTierOptions>, segments: OpenSegments) {
    this.#user = user;
    this.#call = call;
    this.#options = options;
    this.#segments = segments;
  }

  /** In bytes; 0 for a key without a value. */
  size(key: StateKey): number | Promise<number> {
    const direct = async (): Promise<number> => (await this.#readDirect(key, 0, 0)).sizeBytes;
    return this.#use(key, { open: readOnly, room: noRoom, work: sizeOf, direct }, () => 0);
  }

  /** Copies as much as there is from the offset on. @returns the number of bytes; 0 for a key without a value */
  read(key: StateKey, offset: number, into: () => Uint8Array): number | Promise<number> {
    const work = (view: SegmentView): number => readBytes(view, offset, into());
    const direct = async (): Promise<number> => {
      const { bytes } = await this.#readDirect(key, offset, into().length);
      into().set(bytes);
      return bytes.length;
    };
    return this.#use(key, { open: readOnly, room: noRoom, work, direct }, () => 0);
  }

  /** The same for a value that is taken to have `totalBytes`: what is not there is zeros. */
  readAt(
    key: StateKey,
    totalBytes: number,
    offset: number,
    into: () => Uint8Array,
  ): number | Promise<number> {
    const fill = (target: Uint8Array, filled: number, sizeBytes: number): number => {
      const end = Math.max(filled, Math.min(target.length, Math.max(totalBytes, sizeBytes) - offset));
      target.fill(0, filled, end);
      return end;
    };
    const work = (view: SegmentView): number => {
      const target = into();
      return fill(target, readBytes(view, offset, target), sizeOf(view));
    };
    const direct = async (): Promise<number> => {
      const { bytes, sizeBytes } = await this.#readDirect(key, offset, into().length);
      into().set(bytes);
      return fill(into(), bytes.length, sizeBytes);
    };
    return this.#use(key, { open: readOnly, room: noRoom, work, direct }, () => fill(into(), 0, 0));
  }

  /** The bytes become the value. @param sync it is durable before the guest goes on */
  write(key: StateKey, bytes: Uint8Array, sync: boolean): void | Promise<void> {
    return this.#write(key, sync, 'whole', bytes, (own) => ({
      open: { mode: 'extend', totalBytes: 0, roomBytes: own.length },
      room: () => own.length,
      work(view) {
        const wasClean = setSize(view, own.length);
        return writeBytes(view, 0, own) || wasClean;
      },
    }));
  }

  /** Writes into a value of `totalBytes` at least; what it did not have is zeros. */
  writeAt(
    key: StateKey,
    totalBytes: number,
    offset: number,
    bytes: Uint8Array,
    sync: boolean,
  ): void | Promise<void> {
    const end = Math.max(totalBytes, offset + bytes.length);
    return this.#write(key, sync, { offset, totalBytes }, bytes, (own) => ({
      open: { mode: 'extend', totalBytes: 0, roomBytes: end },
      room: () => end,
      work(view) {
        const wasClean = sizeOf(view) < end && setSize(view, end);
        return writeBytes(view, offset, own) || wasClean;
      },
    }));
  }

  /** Writes at the end, in one step, also where other hosts write. Durable when it resolves. */
  async append(key: StateKey, bytes: Uint8Array): Promise<void> {
    const request: WriteRequest = { place: 'end', bytes: bytes.slice(), fence: this.#locked.get(key) };
    await this.#ask('write', key, request);
  }

  /** Resolves when all that was written to the value on this host is durable. */
  async push(key: StateKey): Promise<void> {
    await this.#ask('push', key, { wait: true } satisfies PushRequest);
  }

  /** Makes the local value the newest of all hosts. */
  pull(key: StateKey): void | Promise<void> {
    if (this.#segments.get(this.#user, key)?.exclusive === true) return;
    return this.#open(key, { ...readOnly, fresh: true }).then(() => {});
  }

  /** Says that bytes were changed through the memory that `open` gave; without a range, that all of them were. */
  flagDirty(key: StateKey, offset = 0, byteLength = Number.MAX_SAFE_INTEGER): void {
    const open = this.#segments.get(this.#user, key);
    if (open === undefined) return;
    if (open.immutable) throw this.#isImmutable(key);
    const { view } = open;
    const length = Math.min(byteLength, sizeOf(view) - offset);
    if (length > 0) this.#written(key, flagDirty(view, offset, length), false);
  }

  /** The memory of a value of `totalBytes` at least, to be mapped; it stays where it is until `end`. */
  open(key: StateKey, totalBytes: number): Segment | Promise<Segment> {
    const work = (view: SegmentView): Segment => {
      const { mutexOwner, immutable } = this.#segments.get(this.#user, key)!;
      if (immutable && sizeOf(view) < totalBytes) throw this.#isImmutable(key);
      addMapping(view, mutexOwner);
      this.#segments.countMapping(view, mutexOwner);
      this.#mapped.push(view);
      if (sizeOf(view) < totalBytes && setSize(view, totalBytes)) this.#written(key, true, false);
      return view.segment;
    };
    return this.#use(
      key,
      {
        open: { mode: 'extend', totalBytes, roomBytes: totalBytes },
        room: () => totalBytes,
        work,
        direct: () => Promise.reject(this.#isImmutable(key)),
      },
      () => {
        throw new FaasmError('internal', `State ${showValue(this.#user, key)} was not made`);
      },
    );
  }

  /** Waits until no other call writes under a lock. @throws FaasmError `deadline_exceeded` */
  lockRead(key: StateKey): Promise<void> {
    return this.#lock(key, 'read');
  }

  /** Waits until no other call has a lock. @throws FaasmError `deadline_exceeded` */
  lockWrite(key: StateKey): Promise<void> {
    return this.#lock(key, 'write');
  }

  /** @throws FaasmError `not_found` when this call has no lock */
  async unlock(key: StateKey): Promise<void> {
    this.#locked.delete(key);
    await this.#ask('unlock', key, { owner: this.#call });
  }

  get holdsLocks(): boolean {
    return this.#locked.size > 0;
  }

  /** @throws FaasmError `lock_lost` when what was written under one could not be kept */
  async unlockAll(): Promise<void> {
    for (const key of [...this.#locked.keys()]) await this.unlock(key);
  }

  /** Gives back what the call has: mappings, locks, waits for locks. */
  end(): void {
    for (const view of this.#mapped.splice(0)) this.#segments.dropMapping(view);
    for (const key of this.#locked.keys()) this.#ask('unlock', key, { owner: this.#call }).catch(() => {});
    this.#locked.clear();
  }

  #isImmutable(key: StateKey): FaasmError {
    return new FaasmError(
      'conflict',
      `State ${showValue(this.#user, key)} is immutable: it can be read as it is, and not be changed or made larger`,
      { details: { component: 'state' } },
    );
  }

  async #lock(key: StateKey, mode: LockMode): Promise<void> {
    const held = this.#locked.has(key);
    this.#locked.set(key, this.#locked.get(key));
    try {
      const { lockWaitMs: waitMs } = this.#options;
      const request: LockOptions = { owner: this.#call, mode, leaseMs: 0, waitMs };
      const { fence } = (await this.#ask('lock', key, request)) as LockGrant;
      this.#locked.set(key, fence);
    } catch (error) {
      if (!held) this.#locked.delete(key);
      throw error;
    }
  }

  #write(
    key: StateKey,
    sync: boolean,
    place: WritePlace,
    bytes: Uint8Array,
    toAccess: (own: Uint8Array) => Omit<Access<boolean>, 'direct'>,
  ): void | Promise<void> {
    const direct = async (own: Uint8Array): Promise<false> => {
      const request: WriteRequest = { place, bytes: own, fence: this.#locked.get(key) };
      await this.#ask('write', key, request);
      return false;
    };
    // Where other hosts write too, just these bytes go to the global tier, before anything else is seen.
    if (sync && this.#segments.get(this.#user, key)?.exclusive !== true) {
      return direct(bytes.slice()).then(() => {});
    }
    const access = (own: Uint8Array): Access<boolean> => ({
      ...toAccess(own),
      direct: () => direct(own),
      writes: true,
    });
    const now = this.#try(key, access(bytes));
    if (typeof now === 'object') return this.#written(key, now.value, sync);
    const copy = bytes.slice();
    return this.#later(key, access(copy), () => false).then((wasClean) => this.#written(key, wasClean, sync));
  }

  /** Makes what was written durable now, or sees to it that it will be. */
  #written(key: StateKey, wasClean: boolean, sync: boolean): void | Promise<void> {
    if (sync) return this.push(key);
    // The state actor looks again at all that is dirty before it ends: a notice that is lost is not a loss.
    if (wasClean) this.#ask('push', key, { wait: false } satisfies PushRequest).catch(() => {});
  }

  #use<T>(key: StateKey, access: Access<T>, missing: () => T): T | Promise<T> {
    const now = this.#try(key, access);
    return typeof now === 'object' ? now.value : this.#later(key, access, missing);
  }

  /** Does it, or says what has to be asked for first: the segment, or room. */
  #try<T>(key: StateKey, access: Access<T>): { readonly value: T } | 'segment' | 'direct' | number {
    const open = this.#segments.get(this.#user, key);
    if (open === undefined) return 'segment';
    const { view, mutexOwner, immutable } = open;
    if (immutable && access.writes === true) return 'direct';
    return withMutex(view, mutexOwner, () => {
      if (isRetired(view)) return 'segment';
      const room = access.room(view);
      return room > capacityOf(view) ? room : { value: access.work(view) };
    });
  }

  async #later<T>(key: StateKey, access: Access<T>, missing: () => T): Promise<T> {
    for (let tries = 0; tries < triesMax; tries++) {
      const now = this.#try(key, access);
      if (typeof now === 'object') return now.value;
      if (now === 'direct') return await access.direct();
      const { owner } = this.#options;
      if (now === 'segment') {
        const found = await this.#open(key, { ...access.open, fresh: false });
        if (found === 'direct') return await access.direct();
        if (!found) return missing();
      } else {
        const request: ResizeRequest = { owner, roomBytes: now };
        this.#segments.put(this.#user, key, (await this.#ask('resize', key, request)) as OpenAnswer);
      }
    }
    throw new FaasmError(
      'internal',
      `State ${showValue(this.#user, key)} was dropped each time it was opened`,
    );
  }

  async #open(key: StateKey, request: Omit<OpenRequest, 'owner'>): Promise<boolean | 'direct'> {
    const { owner } = this.#options;
    const asked = await this.#ask('open', key, { ...request, owner } satisfies OpenRequest);
    const answer = asked as OpenAnswer;
    return answer.direct ? 'direct' : this.#segments.put(this.#user, key, answer);
  }

  async #readDirect(key: StateKey, offset: number, length: number): Promise<ReadAnswer> {
    return (await this.#ask('read', key, { offset, length } satisfies ReadRequest)) as ReadAnswer;
  }

  #ask(op: TierOp, key: StateKey, value: unknown): Promise<unknown> {
    return this.#options.ask(op, this.#user, key, value);
  }
}
