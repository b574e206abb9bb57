/**
 * The memory for values.
 *
 * Owns: how much of it is in use, and what was given back while guests still have it mapped
 * Never: chooses whose memory is taken to make room
 */
import { FaasmError } from '../../../proto/errors.ts';
import type { Powers } from '../../power/port.ts';
import { showName } from '../core/value-name.ts';
import {
  type AllocateData,
  capacityOf,
  createSegment,
  isMapped,
  removeMapping,
  type SegmentData,
  type SegmentView,
  viewSegment,
  word,
} from './segment.ts';
import { breakMutex, withMutexLater } from './segment-mutex.ts';
import { hasTwin } from './twin.ts';

export interface SegmentMemoryOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly maxBytes: number;
  /** No other host writes, so no value has a twin. */
  readonly exclusive: boolean;
  readonly allocate: AllocateData;
  /** Nobody reads or maps it any more. */
  readonly release: (data: SegmentData) => void;
  /**
   * Takes memory from other values than this one for as long as some is lacking.
   * @param lacks with the share of all memory that is to be free beside what is needed
   * @returns whether values were passed over because something is done to them at the moment
   */
  readonly evictSome: (name: string, lacks: (spareShare: number) => boolean) => Promise<boolean>;
}

/** A capacity is a multiple of the page size, so that it can be mapped. */
const pageBytes = 4096;
/** The control block of a small value, and what V8 and its record add to it. */
const overheadBytes = 2048;
/** What is done to a value ends soon, unless it waits for room as well: then one of the two has to give up. */
const busyWaitMs = 1000;
const busyPollMs = 2;

export class SegmentMemory {
  readonly #options: SegmentMemoryOptions;
  #mapped: SegmentView[] = [];
  #bytes = 0;

  constructor(options: SegmentMemoryOptions) {
    this.#options = options;
  }

  /** @param name of the value that it is for @throws FaasmError `no_capacity` */
  async allocate(name: string, sizeBytes: number): Promise<SegmentView> {
    const capacity = roundUp(sizeBytes);
    await this.#take(name, this.#cost(capacity));
    try {
      return viewSegment(createSegment(this.#options.allocate(capacity), capacity));
    } catch (error) {
      this.#bytes -= this.#cost(capacity);
      throw error;
    }
  }

  /** More room in the memory that is there. @throws FaasmError `no_capacity` */
  async raise(name: string, view: SegmentView, capacityBytes: number): Promise<void> {
    await this.#take(name, this.#cost(capacityBytes) - this.#cost(capacityOf(view)));
    await withMutexLater(view, () => {
      view.words[word.capacity] = capacityBytes;
    });
  }

  release(view: SegmentView): void {
    if (isMapped(view)) this.#mapped.push(view);
    else this.#free(view);
  }

  /** Some of it waits for guests to give it back. */
  get hasMapped(): boolean {
    return this.#mapped.length > 0;
  }

  releaseUnmapped(): void {
    const free = this.#mapped.filter((view) => !isMapped(view));
    this.#mapped = this.#mapped.filter((view) => !free.includes(view));
    for (const view of free) this.#free(view);
  }

  /** An executor is gone: what it held, of these too, is open again. */
  ownerGone(mutexOwner: number, views: readonly SegmentView[]): void {
    for (const view of [...this.#mapped, ...views]) {
      breakMutex(view, mutexOwner);
      removeMapping(view, mutexOwner);
    }
    this.releaseUnmapped();
  }

  async #take(name: string, neededBytes: number): Promise<void> {
    const { powers, maxBytes, evictSome } = this.#options;
    const endMs = powers.clock.monotonicMs() + busyWaitMs;
    const lacks = (spareShare: number): boolean => this.#bytes + neededBytes > maxBytes * (1 - spareShare);
    while (lacks(0)) {
      const someWereBusy = await evictSome(name, lacks);
      if (!lacks(0)) break;
      if (!someWereBusy || powers.clock.monotonicMs() > endMs) throw noRoom(name, this.#bytes, maxBytes);
      await powers.timers.sleep(busyPollMs);
    }
    this.#bytes += neededBytes;
  }

  #free(view: SegmentView): void {
    this.#bytes -= this.#cost(capacityOf(view));
    this.#options.release(view.segment.data);
  }

  /** What a value of this capacity takes, its twin included. */
  #cost(capacityBytes: number): number {
    return overheadBytes + (hasTwin(this.#options.exclusive, capacityBytes) ? 2 : 1) * capacityBytes;
  }
}

export function roundUp(bytes: number): number {
  return Math.max(pageBytes, Math.ceil(bytes / pageBytes) * pageBytes);
}

function noRoom(name: string, usedBytes: number, maxBytes: number): FaasmError {
  return new FaasmError(
    'no_capacity',
    `No room in memory for state ${showName(name)}: ${usedBytes} of ${maxBytes} bytes are in use; ` +
      'raise FAASM_STATE_RESIDENT_MAX_BYTES',
    { details: { component: 'state' } },
  );
}
