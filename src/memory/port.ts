/**
 * The memory under Faaslets: how the snapshot of an initialised memory is taken, laid under a new Faaslet,
 * and shown again after a call; and the segments that state lives in, which Faaslets can see in their own memory.
 * `mapped.ts` does it with pages, `copy.ts` with bytes; both pass one contract suite.
 *
 *     linear memory   | image (byteLength)               | window | window | …
 *     mapped           private pages over the Proto-       shared pages of a segment,
 *                      Faaslet's memfd, or zero            or private zero pages
 *
 * A window is room behind the image where a segment can be shown. It is made once and stays with the Faaslet, so that
 * later calls neither grow the memory nor get another pointer; a reset empties it.
 */

export const hostPageBytes = 4096;
export const wasmPageBytes = 65_536;

/** The memory of an initialised Faaslet, without its zero pages. Can be posted to a thread and written to a file. */
export interface MemoryImage {
  /** Of the whole linear memory. */
  readonly byteLength: number;
  /** Runs of pages that are not all zero: first page, number of pages, and so on; ascending, in pages of 4 KiB. */
  readonly runs: Uint32Array;
  /** The bytes of those pages, one after the other. */
  readonly pages: Uint8Array;
}

/** An image made ready in this process, once for all its threads. Can be posted to a thread. */
export interface PreparedImage {
  readonly kind: 'mapped' | 'copy';
  readonly byteLength: number;
  /** mapped: the memfd that holds it, valid in every thread. copy: -1. */
  readonly fd: number;
  /** mapped: the memfd's device and inode, by which a number that was closed and used again is found out. */
  readonly identity: string;
  readonly runs: Uint32Array;
  /**
   * Shared by all threads, and never written to. copy: the bytes of the pages, one after the other. mapped: the memfd,
   * so each page at its own offset.
   */
  readonly pages: Uint8Array;
}

/**
 * Bytes that all threads of this process share, and that Faaslets can see in their own memory. Can be posted to a
 * thread. It never grows: a value that outgrows its segment gets a new one. It is freed when no thread refers to its
 * buffer and no Faaslet shows it.
 */
export interface Segment {
  /** A multiple of 64 KiB. */
  readonly byteLength: number;
  /** Give views of it a length (`new Uint8Array(buffer, 0, byteLength)`): one without is 20 times slower. */
  readonly buffer: SharedArrayBuffer;
}

export interface MemoryPort {
  readonly kind: 'mapped' | 'copy';
  /** Whether a Faaslet can see a segment in its own memory; where not, state is copied in and out. */
  readonly canMapSegments: boolean;
  /** Reads an image off a live memory; its pages are in a SharedArrayBuffer. */
  capture(memory: WebAssembly.Memory): MemoryImage;
  /**
   * @throws FaasmError `no_capacity` when the kernel gives no memory or file, `internal` when the runs and pages of
   * the image do not fit together
   */
  prepare(image: MemoryImage): PreparedImage;
  /** No Faaslet will be attached to it any more, in any thread; those that are attached live on. */
  discard(prepared: PreparedImage): void;
  /**
   * From now on the memory shows the image, and zeros beyond it. It is freshly instantiated, and grows to the image's
   * size when it is smaller.
   * @throws FaasmError `no_capacity` when the kernel is out of mappings or address space, `internal` when the image
   * was discarded
   */
  attach(memory: WebAssembly.Memory, prepared: PreparedImage): AttachedMemory;
  /**
   * Zeros, at least this many. Costs the same for any size: pages come when they are first written to.
   * @throws FaasmError `too_large` beyond `segmentMaxBytes`, `no_capacity` when there is no memory or address space
   */
  createSegment(byteLength: number): Segment;
  /** Frees the bytes now, where that can be done: who still looks sees zeros. */
  discardSegment(segment: Segment): void;
}

/** What a 32-bit guest can address. */
export const segmentMaxBytes = 2 ** 32;

export interface AttachedMemory {
  /**
   * Shows the image again, with every window empty; false when that cannot be, as when the guest has grown its
   * memory: throw the Faaslet away.
   */
  reset(): boolean;
  /** Frees its real memory; it is not used again. */
  discard(): void;
  /** Bytes of real memory that this Faaslet alone holds, as the kernel counts them (copy: the whole memory). */
  residentBytes(): number;
  /**
   * Makes a window at the end of the memory and gives its offset. The length is rounded up to 64 KiB. Views of the
   * memory have to be taken afresh.
   * @throws FaasmError `guest_out_of_memory` when the memory may not grow that far, `no_capacity` when this process
   * is out of mappings
   */
  growForWindow(byteLength: number): number;
  /**
   * Shows a segment at the start of a window that has room for it, in place of what the window showed.
   * @throws FaasmError `no_capacity` when the kernel is out of mappings
   */
  mapSegment(segment: Segment, byteOffset: number): void;
  /** Empties a window: private zero pages. @throws FaasmError `no_capacity` when the kernel is out of mappings */
  unmapSegment(byteOffset: number): void;
}
