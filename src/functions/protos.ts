/**
 * What initialisation leaves, taken once for each version of a function: it runs at upload, and what it left is kept
 * with the version, so that it does not run again after a restart. A module that has nothing to initialise is merely
 * instantiated again, which gives the same.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { InitializedState, Program } from '../faaslet/program.ts';
import type { Log } from '../log.ts';
import type { FunctionStore, ProtoName } from './port.ts';
import { decodeProto, encodeProto } from './proto-file.ts';

export interface ProtosOptions {
  readonly store: FunctionStore;
  readonly log: Log;
  /** Runs a program's initialisation; nothing when what it leaves cannot be carried over to other instances. */
  initialize(program: Program): Promise<InitializedState | undefined>;
}

export interface Protos {
  /** @throws what `initialize` throws */
  of(program: Program, fingerprint: string): Promise<InitializedState | undefined>;
}

/** Pages that are not zero; with more, initialisation runs once after each restart. */
const keptMaxBytes = 1024 ** 3;

export function createProtos({ store, log, initialize }: ProtosOptions): Protos {
  async function read(proto: ProtoName, globals: number): Promise<InitializedState | undefined> {
    try {
      const bytes = await store.readProto(proto);
      if (bytes === undefined) return undefined;
      const kept = await decodeProto(proto, bytes);
      if (kept.globals.length === globals) return kept;
      throw new FaasmError('storage_unavailable', 'A kept Proto-Faaslet has other globals than its module');
    } catch (error) {
      warn(proto, error, 'a Proto-Faaslet is taken again');
      return undefined;
    }
  }

  async function keep(proto: ProtoName, taken: InitializedState): Promise<void> {
    if ((taken.image?.pages.byteLength ?? 0) > keptMaxBytes) return;
    try {
      await store.writeProto(proto, await encodeProto(proto, taken));
    } catch (error) {
      warn(proto, error, 'a Proto-Faaslet was not kept');
    }
  }

  function warn({ user, name }: ProtoName, error: unknown, text: string): void {
    log.warn({ function: `${user}/${name}`, err: FaasmError.from(error).message }, text);
  }

  return {
    async of(program, fingerprint) {
      const { user, function: name, version, layout, settings } = program;
      if (layout.initializers.length === 0 && !settings.bootOnce) return initialize(program);
      const proto = { user, name, version, fingerprint };
      const kept = await read(proto, layout.mutableGlobals.length);
      if (kept !== undefined) return kept;
      const taken = await initialize(program);
      if (taken !== undefined) await keep(proto, taken);
      return taken;
    },
  };
}
