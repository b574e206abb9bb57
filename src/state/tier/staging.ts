/** Large values that arrive in parts: each part is kept in the global tier, and the last one makes them the value. */
import type { StateKey, UserName } from '../../../proto/names.ts';
import { Gates } from '../../bus/gates.ts';
import type { Clock } from '../../power/port.ts';
import type { StateEffect } from '../core/decide.ts';
import type { UploadMessage, UploadPart } from '../core/uploads.ts';
import type { StateStore, StoredValue, WriteCondition } from '../stores/port.ts';
import type { Values } from './values.ts';

export interface StagingOptions {
  readonly clock: Clock;
  /** Asks the core. */
  readonly decide: (message: UploadMessage) => StateEffect[];
  readonly store: StateStore;
  readonly values: Values;
}

export class Staging {
  readonly #options: StagingOptions;
  readonly #gates = new Gates();

  constructor(options: StagingOptions) {
    this.#options = options;
  }

  /**
   * @returns the value when this part committed it; before, the bytes that are there, with version 0
   * @throws FaasmError `conflict` for a part that leaves a gap; `too_large`, `too_many_requests`, and what a write throws
   */
  part(
    key: StateKey,
    part: Omit<UploadPart, 'byteLength'> & { readonly bytes: Uint8Array },
    condition: WriteCondition,
  ): Promise<StoredValue> {
    const { user, upload } = part;
    return this.#gates.run(`${user}/${upload}`, async () => {
      const { clock, decide, store, values } = this.#options;
      await values.stored.knowUsage(user);
      let offset = 0;
      const { length: byteLength } = part.bytes;
      for (const effect of decide({ ...part, type: 'part', byteLength, nowMs: clock.steadyMs() })) {
        if (effect.type === 'discard') await store.discard(effect.user, effect.upload);
        if (effect.type === 'refuse') throw effect.error;
        if (effect.type === 'stage') offset = effect.offset;
      }
      try {
        await store.stage(user, upload, { offset, bytes: part.bytes });
        if (part.commitBytes === undefined) return { sizeBytes: offset + byteLength, version: 0 };
        const committed = await values.commit(user, key, upload, part.commitBytes, condition);
        decide({ type: 'uploadEnded', user, upload });
        return committed;
      } catch (error) {
        await this.#giveUp(user, upload);
        throw error;
      }
    });
  }

  async #giveUp(user: UserName, upload: string): Promise<void> {
    const { decide, store } = this.#options;
    decide({ type: 'uploadEnded', user, upload });
    // What cannot be dropped now is dropped at the next start.
    await store.discard(user, upload).catch(() => {});
  }
}
