/**
 * Memory as real pages, on Linux.
 *
 * A Proto-Faaslet is a memfd with the image at the same offsets as in the linear memory, holes where there is nothing,
 * sealed against every change. A Faaslet maps its runs private over its linear memory: copy-on-write, nothing is
 * copied at the start. How it is put back is in `mapped-faaslet.ts`.
 */
import assert from 'node:assert';
import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { FaasmError } from '../../proto/errors.ts';
import {
  kernelRefused,
  loadLibc,
  memfdAllowSealing,
  memfdCloexec,
  protRead,
  sealGrow,
  sealSeal,
  sealShrink,
  sealWrite,
} from './libc.ts';
import { MappedFaaslet, type MappedPowers } from './mapped-faaslet.ts';
import { processMappingBudget } from './mapping-budget.ts';
import type { MemoryImage, MemoryPort, PreparedImage } from './port.ts';
import { captureImage, checkImage, eachRun, toMappings } from './runs.ts';
import { createMappedSegment, discardMappedSegment, mapFile } from './segments.ts';
import { growToImage } from './windows.ts';
import { WrittenPages } from './written-pages.ts';

/** V8's own for a linear memory: what can be accessed, and what is reserved. */
const reservationMappings = 2;

export interface MappedMemoryOptions {
  /**
   * The most pages, of 4 KiB, that a Faaslet keeps when it is reset; when it has written to more, all are dropped.
   * 0 always drops them, as does a kernel older than Linux 6.7.
   * @default 32
   */
  readonly keptPages?: number;
}

/** @throws Error on a platform that cannot */
export function createMappedMemory({ keptPages = 32 }: MappedMemoryOptions = {}): MemoryPort {
  const libc = loadLibc();
  const budget = processMappingBudget();
  const written = WrittenPages.open(libc, keptPages);
  const powers: MappedPowers = { libc, budget, written };
  return {
    kind: 'mapped',
    canMapSegments: true,
    capture: captureImage,
    prepare: (image) => prepare(powers, image),
    discard: (prepared) => {
      if (isStillOpen(prepared)) libc.close(prepared.fd);
    },
    attach: (memory, prepared) => attach(powers, memory, prepared),
    createSegment: (byteLength) => {
      budget.take(1);
      return createMappedSegment(libc, byteLength);
    },
    discardSegment: (segment) => discardMappedSegment(libc, segment),
  };
}

function prepare({ libc, budget }: MappedPowers, image: MemoryImage): PreparedImage {
  checkImage(image);
  const fd = libc.memfdCreate('faasm-proto', memfdCloexec | memfdAllowSealing);
  if (fd === -1) throw kernelRefused(libc, 'make a Proto-Faaslet');
  try {
    const last = toMappings(image.runs).at(-1);
    const fileBytes = last === undefined ? 0 : last.byteOffset + last.byteLength;
    ftruncateSync(fd, fileBytes);
    eachRun(image.runs, (memoryOffset, pagesOffset, byteLength) => {
      writeAll(fd, image.pages.subarray(pagesOffset, pagesOffset + byteLength), memoryOffset);
    });
    if (libc.addSeals(fd, sealWrite | sealShrink | sealGrow | sealSeal) === -1) {
      throw kernelRefused(libc, 'seal a Proto-Faaslet');
    }
    budget.take(1);
    const pages = new Uint8Array(mapFile(libc, fd, fileBytes, protRead), 0, fileBytes);
    return {
      kind: 'mapped',
      byteLength: image.byteLength,
      fd,
      identity: identify(fd),
      runs: image.runs,
      pages,
    };
  } catch (thrown) {
    libc.close(fd);
    if (thrown instanceof FaasmError) throw thrown;
    const text = `Cannot fill a Proto-Faaslet: ${(thrown as Error).message}; add memory`;
    throw new FaasmError('no_capacity', text, { cause: thrown });
  }
}

function attach(powers: MappedPowers, memory: WebAssembly.Memory, prepared: PreparedImage): MappedFaaslet {
  assert(prepared.kind === 'mapped', 'the image was prepared to be copied, not mapped');
  growToImage(memory, prepared.byteLength);
  const mappings = toMappings(prepared.runs);
  powers.budget.take(reservationMappings + 2 * mappings.length);
  const attached = new MappedFaaslet(powers, memory, prepared.pages, mappings);
  try {
    attached.lay(prepared.fd);
  } catch (thrown) {
    throw isStillOpen(prepared) ? thrown : discarded();
  }
  // Asked after mapping: a number that is still the right file now was so before.
  if (!isStillOpen(prepared)) throw discarded();
  return attached;
}

function isStillOpen(prepared: PreparedImage): boolean {
  try {
    return identify(prepared.fd) === prepared.identity;
  } catch {
    return false;
  }
}

function identify(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
}

function discarded(): FaasmError {
  return new FaasmError('internal', 'The Proto-Faaslet was discarded: ask for the function again');
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}
