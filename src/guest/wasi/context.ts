/** What the functions of one Faaslet's WASI share: its memory, its descriptors, its files and its present call. */
import type { GuestMemory } from '../guest-memory.ts';
import { type Descriptor, Descriptors, type Preopen } from './descriptors.ts';
import type { Device } from './device.ts';
import type { Directory } from './directory.ts';
import { fail } from './errno.ts';
import { emptyFileTree, type FileTree, mayBeDirectory } from './file-tree.ts';
import type { File } from './inode.ts';
import { rootAlone } from './preopens.ts';
import type { FileLimits } from './quota.ts';
import { Tree } from './tree.ts';

/** Input that is not all there yet. */
export interface InputStream {
  /** Waits for input and fills as much as there is; 0 at the end. The bytes are the guest's own memory. */
  read(into: Uint8Array): number;
}

export interface WasiCall {
  /** The first is the program's own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array | InputStream;
  /** The bytes are the guest's own memory: copy what is kept. What it throws, an errno but for, ends the call. */
  readonly stdout: (bytes: Uint8Array) => unknown;
  /** As `stdout`. */
  readonly stderr: (bytes: Uint8Array) => unknown;
}

export interface WasiPowers {
  /** Since 1970. */
  realtimeNs(): bigint;
  /** Since any moment; never goes back. */
  monotonicNs(): bigint;
  /** Fills at most 65,536 bytes, of the guest's own memory. */
  randomFill(bytes: Uint8Array): void;
  /** At most 2^31 - 1 ms. May end early: it is asked again. */
  sleep(ms: number): Promise<void>;
}

export interface WasiOptions {
  /** Shared and never written. @default emptyFileTree */
  readonly files?: FileTree;
  readonly limits: FileLimits;
  /** A directory that is not in `files` is made in each call. @default one, `/`, which is the root */
  readonly preopens?: readonly Preopen[];
}

/** One function of the interface: its parameters are the guest's, its result an errno. */
// biome-ignore lint/suspicious/noExplicitAny: their parameters are what the table says
export type WasiFunction = (context: WasiContext, ...parameters: any[]) => number | Promise<number>;
export type WasiFunctions = Readonly<Record<string, WasiFunction>>;

/** Strings as a guest gets them: each ended by a NUL, one after the other. */
export interface Strings {
  readonly bytes: Uint8Array;
  /** Where each begins. */
  readonly starts: readonly number[];
  /** What they were made of: the arguments, or the environment, of a call. */
  readonly of: object;
}

/** Between calls, as while a module is initialised, what is written goes nowhere. */
const noCall: WasiCall = {
  args: [],
  env: {},
  stdin: new Uint8Array(0),
  stdout: () => {},
  stderr: () => {},
};

export class WasiContext {
  readonly memory: GuestMemory;
  readonly powers: WasiPowers;
  readonly tree: Tree;
  readonly descriptors: Descriptors;
  call: WasiCall = noCall;
  /** Bytes of the standard input that were read. */
  stdinOffset = 0;
  /** Of the last call that asked for them; many calls have the same. */
  encodedArgs: Strings | undefined;
  encodedEnv: Strings | undefined;
  /** A sleeper that wakes to another epoch belongs to a call that is over. */
  epoch = 0;
  #startedNs: bigint;
  #sleptNs = 0n;

  constructor(memory: GuestMemory, powers: WasiPowers, options: WasiOptions) {
    const { files = emptyFileTree, preopens = rootAlone, limits } = options;
    checkPreopens(files, preopens);
    this.memory = memory;
    this.powers = powers;
    this.tree = new Tree(files, limits, powers);
    this.descriptors = new Descriptors(preopens, limits.openFiles);
    this.#startedNs = powers.monotonicNs();
  }

  /** Between calls. @throws TypeError when the directory of a preopen is a file */
  show(files: FileTree, preopens: readonly Preopen[]): void {
    checkPreopens(files, preopens);
    this.tree.show(files);
    this.descriptors.preopen(preopens);
  }

  begin(call: WasiCall): void {
    this.#change(call);
    this.#startedNs = this.powers.monotonicNs();
    this.#sleptNs = 0n;
  }

  reset(): void {
    this.#change(noCall);
    this.descriptors.reset();
    this.tree.reset();
  }

  /** Time since the call began, less the time it slept. */
  cpuNs(): bigint {
    return this.powers.monotonicNs() - this.#startedNs - this.#sleptNs;
  }

  slept(durationNs: bigint): void {
    this.#sleptNs += durationNs;
  }

  /** Bytes of the standard input, as many as there are; 0 at its end. */
  readStdin(into: Uint8Array): number {
    const { stdin } = this.call;
    if (!(stdin instanceof Uint8Array)) return into.length === 0 ? 0 : stdin.read(into);
    const part = stdin.subarray(this.stdinOffset, this.stdinOffset + into.length);
    into.set(part);
    this.stdinOffset += part.length;
    return part.length;
  }

  /** What is open there, or undefined for a stream. */
  inode(descriptor: Descriptor): File | Device | Directory | undefined {
    if (descriptor.target === 'preopen') this.descriptors.findPreopens((path) => this.tree.directory(path));
    return typeof descriptor.target === 'string' ? undefined : descriptor.target;
  }

  /** @throws ErrnoFailure `badf`, `notdir`, `notcapable` */
  directory(fd: number, rights: number): Directory {
    const descriptor = this.descriptors.get(fd);
    const inode = this.inode(descriptor);
    if (inode?.kind !== 'directory') fail('notdir');
    descriptor.require(rights);
    return inode;
  }

  #change(call: WasiCall): void {
    this.call = call;
    this.stdinOffset = 0;
    this.epoch += 1;
  }
}

function checkPreopens(files: FileTree, preopens: readonly Preopen[]): void {
  for (const { name, directory } of preopens) {
    if (!mayBeDirectory(files, directory))
      throw new TypeError(`Cannot preopen ${name}: ${directory} in the file tree is no directory`);
  }
}
