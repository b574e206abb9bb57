/**
 * The memory under Faaslets: how the snapshot of an initialised memory is taken, laid under a new Faaslet,
 * and shown again after a call. `mapped.ts` does it with pages, `copy.ts` with bytes; both pass one contract suite.
 */

export const hostPageBytes = 4096;

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
  readonly runs: Uint32Array;
  /** copy: the bytes of the pages, shared by all threads. mapped: empty. */
  readonly pages: Uint8Array;
}

export interface MemoryPort {
  readonly kind: 'mapped' | 'copy';
  /** Reads an image off a live memory; its pages are in a SharedArrayBuffer. */
  capture(memory: WebAssembly.Memory): MemoryImage;
  /** @throws FaasmError `no_capacity` when the kernel gives no memory */
  prepare(image: MemoryImage): PreparedImage;
  /** No Faaslet is attached to it any more, in any thread. */
  discard(prepared: PreparedImage): void;
  /**
   * From now on the memory shows the image. The memory is freshly instantiated, has at least the image's size, and
   * grows to it when it is smaller.
   * @throws FaasmError `no_capacity` when the kernel is out of mappings or address space
   */
  attach(memory: WebAssembly.Memory, prepared: PreparedImage): AttachedMemory;
}

export interface AttachedMemory {
  /** Shows the image again; false when the memory has grown and so cannot be the snapshot any more: throw it away. */
  reset(): boolean;
  /** Bytes of real memory that this Faaslet alone holds, as the kernel counts them (copy: the whole memory). */
  residentBytes(): number;
}
