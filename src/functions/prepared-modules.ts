/**
 * Modules that are prepared, each once for all functions that have it, as those have that share an interpreter: while
 * anybody holds the compiled module, it is found here by its sha256.
 */
import type { UserName } from '../../proto/names.ts';
import type { PreparedModule } from './prepare.ts';
import type { Prepared, Preparer } from './preparer.ts';

export interface PreparedModules {
  /** @throws FaasmError as `Preparer.prepare` */
  prepare(user: UserName, bytes: Uint8Array): Promise<Prepared>;
  /** Of a module in storage. @throws FaasmError as `Preparer.prepare`, and what `read` throws */
  of(user: UserName, sha256: string): Promise<PreparedModule>;
}

interface Known {
  readonly module: WeakRef<WebAssembly.Module>;
  readonly rest: Omit<PreparedModule, 'module'>;
}

/** @param read gives the bytes of a module in storage */
export function createPreparedModules(
  preparer: Preparer,
  read: (sha256: string) => Promise<Uint8Array>,
): PreparedModules {
  const known = new Map<string, Known>();
  const wanted = new Map<string, Promise<PreparedModule>>();
  const collected = new FinalizationRegistry((sha256: string) => {
    if (known.get(sha256)?.module.deref() === undefined) known.delete(sha256);
  });

  async function prepare(user: UserName, bytes: Uint8Array): Promise<Prepared> {
    const answer = await preparer.prepare(user, bytes);
    const { module, ...rest } = answer.prepared;
    known.set(answer.sha256, { module: new WeakRef(module), rest });
    collected.register(module, answer.sha256);
    return answer;
  }

  return {
    prepare,
    async of(user, sha256) {
      const found = known.get(sha256);
      const module = found?.module.deref();
      if (found !== undefined && module !== undefined) return { module, ...found.rest };
      const asked =
        wanted.get(sha256) ??
        read(sha256)
          .then((bytes) => prepare(user, bytes))
          .then(({ prepared }) => prepared)
          .finally(() => wanted.delete(sha256));
      wanted.set(sha256, asked);
      return asked;
    },
  };
}
