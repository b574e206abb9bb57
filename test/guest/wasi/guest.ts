/** A guest in the hands of a test: a real memory, clocks that stand still, and functions called by name. */
import { GuestMemory } from '../../../src/guest/guest-memory.ts';
import { errno } from '../../../src/guest/wasi/errno.ts';
import { createFileTree, type FileTreeEntry } from '../../../src/guest/wasi/file-tree.ts';
import { openFlag } from '../../../src/guest/wasi/layout.ts';
import { allRights, right } from '../../../src/guest/wasi/rights.ts';
import { addSystemFiles } from '../../../src/guest/wasi/system-files.ts';
import { createWasi, type Wasi, type WasiModule, type WasiOptions } from '../../../src/guest/wasi/wasi.ts';
import { createRandom } from '../../random.ts';

export const root = 3;
/** Where the tests have results written. */
export const out = 1024;
const stringsAt = 4096;
export const memoryBytes = 4 * 65_536;

const names = new Map(Object.entries(errno).map(([name, number]) => [number as number, name]));
const utf8 = new TextEncoder();
const utf8Text = new TextDecoder();

export type Parameter = number | bigint | string;

export interface GuestOptions extends Partial<Omit<WasiOptions, 'files'>> {
  readonly files?: Readonly<Record<string, string | FileTreeEntry>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly module?: WasiModule;
}

export interface OpenOptions {
  readonly from?: number;
  readonly follow?: boolean;
  readonly flags?: number;
  readonly rights?: number | bigint;
  readonly inheriting?: number | bigint;
  readonly fdFlags?: number;
}

export interface Stat {
  readonly inode: bigint;
  readonly type: number;
  readonly links: bigint;
  readonly size: bigint;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** What a file may be opened with; a directory refuses the right to write. */
export const everyRight = allRights;
export const readRights = allRights & ~right.fdWrite;
export const create = openFlag.create;

export class Guest {
  readonly memory = new GuestMemory();
  readonly linearMemory = new WebAssembly.Memory({ initial: memoryBytes / 65_536 });
  readonly wasi: Wasi;
  readonly sleptMs: number[] = [];
  realtimeNs = 1_000_000_000_000n;
  monotonicNs = 5_000_000_000n;
  stdout = '';
  stderr = '';
  #stringsEnd = stringsAt;
  readonly #module: WasiModule;

  constructor(options: GuestOptions = {}) {
    const { files = {}, args = [], env = {}, stdin = '', limits, preopens } = options;
    this.#module = options.module ?? 'wasi_snapshot_preview1';
    const random = createRandom(7);
    this.memory.attach(this.linearMemory);
    this.wasi = createWasi(
      this.memory,
      {
        realtimeNs: () => this.realtimeNs,
        monotonicNs: () => this.monotonicNs,
        randomFill: (bytes) => {
          for (const index of bytes.keys()) bytes[index] = 1 + random.below(255);
        },
        sleep: async (ms) => {
          this.sleptMs.push(ms);
          this.pass(BigInt(ms) * 1_000_000n);
        },
      },
      {
        files: addSystemFiles(
          createFileTree(
            Object.entries(files).map(([path, entry]) => [
              path,
              typeof entry === 'string' ? utf8.encode(entry) : entry,
            ]),
          ),
        ),
        limits: limits ?? { bytes: 1_000_000, inodes: 1000, openFiles: 32 },
        ...(preopens === undefined ? {} : { preopens }),
      },
    );
    this.begin({ args, env, stdin });
  }

  begin(
    call: { args?: readonly string[]; env?: Readonly<Record<string, string>>; stdin?: string } = {},
  ): void {
    this.wasi.begin({
      args: call.args ?? [],
      env: call.env ?? {},
      stdin: utf8.encode(call.stdin),
      stdout: (bytes) => {
        this.stdout += utf8Text.decode(bytes);
      },
      stderr: (bytes) => {
        this.stderr += utf8Text.decode(bytes);
      },
    });
  }

  pass(durationNs: bigint): void {
    this.realtimeNs += durationNs;
    this.monotonicNs += durationNs;
  }

  /** The name of the errno; a string is passed as its address and length. */
  call(name: string, ...parameters: readonly Parameter[]): string {
    return toName(this.answer(name, ...parameters) as number);
  }

  async wait(name: string, ...parameters: readonly Parameter[]): Promise<string> {
    return toName((await this.answer(name, ...parameters)) as number);
  }

  answer(name: string, ...parameters: readonly Parameter[]): number | Promise<number> {
    this.#stringsEnd = stringsAt;
    const passed = parameters.flatMap((parameter) =>
      typeof parameter === 'string' ? this.string(parameter) : [parameter],
    );
    return this.wasi.pick([name], this.#module)[name]!(...passed);
  }

  /** Puts it into the memory. */
  string(text: string): [pointer: number, byteLength: number] {
    const bytes = utf8.encode(text);
    const pointer = this.#stringsEnd;
    this.memory.bytes(pointer, bytes.length).set(bytes);
    this.#stringsEnd += bytes.length;
    return [pointer, bytes.length];
  }

  u32(at = out): number {
    return this.memory.view().getUint32(at, true);
  }

  u64(at = out): bigint {
    return this.memory.view().getBigUint64(at, true);
  }

  text(pointer: number, byteLength: number): string {
    return utf8Text.decode(this.memory.bytes(pointer, byteLength));
  }

  /** Puts a list of buffers into the memory. */
  iovecs(buffers: readonly (readonly [pointer: number, byteLength: number])[], at = 2048): [number, number] {
    for (const [index, [pointer, byteLength]] of buffers.entries()) {
      this.memory.view().setUint32(at + index * 8, pointer, true);
      this.memory.view().setUint32(at + index * 8 + 4, byteLength, true);
    }
    return [at, buffers.length];
  }

  /** The descriptor. @throws Error with the name of the errno */
  open(path: string, options: OpenOptions = {}): number {
    const { from = root, follow = true, flags = 0, rights = everyRight, inheriting = everyRight } = options;
    const { fdFlags = 0 } = options;
    const name = this.call(
      'path_open',
      from,
      follow ? 1 : 0,
      path,
      flags,
      BigInt(rights),
      BigInt(inheriting),
      fdFlags,
      out,
    );
    if (name !== 'success') throw new Error(name);
    return this.u32();
  }

  openDirectory(path: string, options: OpenOptions = {}): number {
    return this.open(path, { flags: openFlag.directory, rights: readRights, ...options });
  }

  /** The bytes written, or the name of the errno. */
  write(fd: number, ...texts: readonly string[]): number | string {
    this.#stringsEnd = stringsAt;
    const [list, count] = this.iovecs(texts.map((text) => this.string(text)));
    const name = toName(this.wasi.functions.fd_write!(fd, list, count, out));
    return name === 'success' ? this.u32() : name;
  }

  pwrite(fd: number, text: string, offset: bigint): number | string {
    this.#stringsEnd = stringsAt;
    const [list, count] = this.iovecs([this.string(text)]);
    const name = toName(this.wasi.functions.fd_pwrite!(fd, list, count, offset, out));
    return name === 'success' ? this.u32() : name;
  }

  /** The text read into buffers of these sizes, or the name of the errno. */
  read(fd: number, ...sizes: readonly number[]): string {
    return this.#read(sizes, (list, count) => this.wasi.functions.fd_read!(fd, list, count, out));
  }

  pread(fd: number, size: number, offset: bigint): string {
    return this.#read([size], (list, count) => this.wasi.functions.fd_pread!(fd, list, count, offset, out));
  }

  /** Makes a file with this text. */
  create(path: string, text = ''): void {
    const fd = this.open(path, { flags: create | openFlag.truncate });
    if (text !== '') this.write(fd, text);
    this.call('fd_close', fd);
  }

  content(path: string): string {
    const fd = this.open(path);
    const text = this.read(fd, 100_000);
    this.call('fd_close', fd);
    return text;
  }

  stat(path: string, follow = true): Stat | string {
    const name = this.call('path_filestat_get', root, follow ? 1 : 0, path, out);
    return name === 'success' ? this.filestat() : name;
  }

  /** The attributes that were just written. */
  filestat(): Stat {
    return {
      inode: this.u64(out + 8),
      type: this.memory.view().getUint8(out + 16),
      links: this.u64(out + 24),
      size: this.u64(out + 32),
      accessedNs: this.u64(out + 40),
      modifiedNs: this.u64(out + 48),
      changedNs: this.u64(out + 56),
    };
  }

  /** Every entry of a directory, read `bufferBytes` at a time. */
  list(
    fd: number,
    bufferBytes = 4096,
    from = 0n,
  ): { name: string; inode: bigint; type: number; next: bigint }[] {
    const buffer = 65_536;
    const entries = [];
    let cookie = from;
    for (;;) {
      const answered = this.call('fd_readdir', fd, buffer, bufferBytes, cookie, out);
      if (answered !== 'success') throw new Error(answered);
      const used = this.u32();
      const end = buffer + used;
      let at = buffer;
      while (at + 24 <= end && at + 24 + this.u32(at + 16) <= end) {
        const nameBytes = this.u32(at + 16);
        cookie = this.u64(at);
        entries.push({
          name: this.text(at + 24, nameBytes),
          inode: this.u64(at + 8),
          type: this.memory.view().getUint8(at + 20),
          next: cookie,
        });
        at += 24 + nameBytes;
      }
      if (used < bufferBytes) return entries;
    }
  }

  names(path = '.'): string[] {
    const fd = this.openDirectory(path);
    const found = this.list(fd).map(({ name }) => name);
    this.call('fd_close', fd);
    return found;
  }

  #read(sizes: readonly number[], ask: (list: number, count: number) => number): string {
    let end = 131_072;
    const buffers = sizes.map((size): [number, number] => {
      end += size;
      return [end - size, size];
    });
    const [list, count] = this.iovecs(buffers);
    const name = toName(ask(list, count));
    return name === 'success' ? this.text(131_072, this.u32()) : name;
  }
}

function toName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}
