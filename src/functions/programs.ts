/**
 * Programs made ready to run, and how long what they hold of this process lives.
 *
 *   upload ──> uploaded: module and snapshot ──┐
 *                                              ├── hold() ──> held: with a prepared image ── last release() ──> gone
 *   store ───> load: module, .proto ───────────┘
 *
 * A prepared image is a file descriptor and a mapping. It is made when a program is first held, and discarded when
 * nobody holds the program any more: so a version that no call runs has none.
 */
import { LRUCache } from 'lru-cache';
import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { InitializedState } from '../faaslet/program.ts';
import { type Program, programKey } from '../faaslet/program.ts';
import type { MemoryPort } from '../memory/port.ts';
import type { PreparedModule } from './prepare.ts';
import type { Protos } from './protos.ts';

/** Who has it may run it until `release`, which is called once. */
export interface HeldProgram {
  readonly program: Program;
  release(): void;
}

/** What a version is: its module, compiled, and what the module is started with. */
export interface VersionParts {
  readonly prepared: PreparedModule;
  readonly settings: FunctionSettings;
}

export interface FunctionPrograms {
  /** Initialises an upload and keeps it for the first who wants to hold it. @throws what initialisation throws */
  add(user: UserName, name: FunctionName, version: string, parts: VersionParts): Promise<void>;
  /** @throws FaasmError of storage, preparation or initialisation; `no_capacity` when the kernel has no memory or file */
  hold(user: UserName, name: FunctionName, version: string): Promise<HeldProgram>;
  /** The function is deleted; who holds it holds on. */
  remove(user: UserName, name: FunctionName): void;
  /** Discards what is still held: nobody runs anything any more. */
  close(): void;
}

export interface FunctionProgramsOptions {
  readonly memory: MemoryPort;
  readonly protos: Protos;
  /** Of a stored version. */
  load(user: UserName, name: FunctionName, version: string): Promise<VersionParts>;
}

/** A program without its snapshot, and the snapshot. */
interface Ready {
  readonly program: Program;
  readonly snapshot: InitializedState | undefined;
}

interface Held {
  readonly program: Promise<Program>;
  holders: number;
}

/** Of one snapshot that waits for its first call. */
const emptyBytes = 1024;
const uploadedMaxBytes = 256 * 1024 * 1024;
/** A compiled program of 60 KB of wasm holds about 1 MB. */
const uploadedMax = 100;

export function createFunctionPrograms({ memory, protos, load }: FunctionProgramsOptions): FunctionPrograms {
  /** By `user/name`: what no call has wanted yet. What does not fit is loaded from the store when it is wanted. */
  const uploaded = new LRUCache<string, Ready>({
    max: uploadedMax,
    maxSize: uploadedMaxBytes,
    sizeCalculation: ({ snapshot }) => emptyBytes + (snapshot?.image?.pages.byteLength ?? 0),
  });
  /** By the program's key. */
  const held = new Map<string, Held>();

  async function initialize(
    user: UserName,
    name: FunctionName,
    version: string,
    { prepared: { module, imports, layout, fingerprint }, settings }: VersionParts,
  ): Promise<Ready> {
    const key = programKey(user, name, version);
    const program = {
      key,
      version,
      user,
      function: name,
      settings,
      module,
      imports,
      layout,
      proto: undefined,
    };
    return { program, snapshot: await protos.of(program, fingerprint) };
  }

  async function make(user: UserName, name: FunctionName, version: string): Promise<Program> {
    const found = uploaded.get(`${user}/${name}`);
    if (found?.program.version === version) uploaded.delete(`${user}/${name}`);
    const ready =
      found?.program.version === version
        ? found
        : await initialize(user, name, version, await load(user, name, version));
    const { program, snapshot } = ready;
    if (snapshot === undefined) return program;
    const image = snapshot.image === undefined ? undefined : memory.prepare(snapshot.image);
    return { ...program, proto: { image, globals: snapshot.globals, boot: snapshot.boot } };
  }

  function letGo(key: string, each: Held): void {
    if (held.get(key) === each) held.delete(key);
    void each.program.then(
      ({ proto }) => proto?.image !== undefined && memory.discard(proto.image),
      () => {},
    );
  }

  return {
    async add(user, name, version, parts) {
      const ready = await initialize(user, name, version, parts);
      if (!held.has(ready.program.key)) uploaded.set(`${user}/${name}`, ready);
    },

    async hold(user, name, version) {
      const key = programKey(user, name, version);
      let each = held.get(key);
      if (each === undefined) held.set(key, (each = { program: make(user, name, version), holders: 0 }));
      const mine = each;
      mine.holders++;
      const release = () => {
        if (--mine.holders === 0) letGo(key, mine);
      };
      try {
        return { program: await mine.program, release };
      } catch (error) {
        release();
        throw error;
      }
    },

    remove(user, name) {
      uploaded.delete(`${user}/${name}`);
    },

    close() {
      for (const [key, each] of held) letGo(key, each);
      uploaded.clear();
    },
  };
}
