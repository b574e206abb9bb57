/**
 * Room on the disk for what has to be done when it is full.
 *
 * A reserve is held in a file. When something finds the disk full, the reserve is given up: deletes have that room, and
 * what would grow is refused at once, so that it does not take it. From then on databases give back what they do not
 * use, and the host is itself again once the reserve can be had again.
 */
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FaasmError } from '../../proto/errors.ts';
import { isDiskFull } from './disk-error.ts';

export interface DiskRoomOptions {
  readonly folder: string;
  /** @param why nothing: there is room */
  onChange(why: string | undefined): void;
}

/**
 * 20 MiB that move from the log of a database into its file at the next checkpoint: the 4 MiB that start one, and the
 * 16 MiB of the largest write; and 12 MiB for deletes, of which each MiB takes some 2 KiB of the log.
 */
const reserveMaxBytes = 32 * 1024 * 1024;
/** Of what is free when it is made. */
const reserveShare = 1 / 4;
const blockBytes = 1024 * 1024;
const lookMs = 1000;

const fullText = 'the disk is full: nothing new is kept until something is deleted or space is freed';

export class DiskRoom {
  readonly #options: DiskRoomOptions;
  readonly #file: string;
  readonly #shrinks: (() => Promise<void>)[] = [];
  #reserveBytes = reserveMaxBytes;
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;
  #reserving: Promise<unknown> = Promise.resolve();

  private constructor(options: DiskRoomOptions) {
    this.#options = options;
    this.#file = join(options.folder, 'reserve');
  }

  static async open(options: DiskRoomOptions): Promise<DiskRoom> {
    const room = new DiskRoom(options);
    const { bavail, bsize } = await statfs(options.folder);
    const kept = await stat(room.#file).catch(() => undefined);
    const freeBytes = bavail * bsize + (kept?.size ?? 0);
    room.#reserveBytes = Math.min(reserveMaxBytes, Math.floor(freeBytes * reserveShare));
    // Nothing waits for it.
    if ((kept?.size ?? 0) < room.#reserveBytes) {
      room.#reserving = room.#reserve().then((isThere) => (isThere ? undefined : room.#giveUp()));
    }
    room.#lookLater();
    return room;
  }

  /** Something that gives room back which it does not use. */
  onShrink(shrink: () => Promise<void>): void {
    this.#shrinks.push(shrink);
  }

  /** @throws FaasmError `storage_unavailable` while the disk is full */
  check(): void {
    if (!this.#isFull) return;
    throw new FaasmError('storage_unavailable', `Not kept: ${fullText}`, {
      details: { component: 'storage', retryAfterMs: 5 * lookMs },
    });
  }

  /** What something failed with. */
  failed(error: unknown): void {
    if (!this.#isFull && isDiskFull(error)) void this.#giveUp();
  }

  async close(): Promise<void> {
    await this.#reserving;
    clearTimeout(this.#timer);
  }

  async #giveUp(): Promise<void> {
    this.#isFull = true;
    this.#options.onChange(fullText);
    await rm(this.#file, { force: true }).catch(() => {});
    this.#lookLater();
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#reserving = this.#look();
    }, lookMs).unref();
  }

  async #look(): Promise<void> {
    await Promise.allSettled(this.#shrinks.map((shrink) => shrink()));
    if (this.#isFull && (await this.#reserve())) {
      this.#isFull = false;
      this.#options.onChange(undefined);
    }
    if (this.#isFull || (await this.#isLow())) this.#lookLater();
  }

  /** What is deleted now is given back soon, before the disk is full. */
  async #isLow(): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#options.folder);
    return bavail * bsize < this.#reserveBytes;
  }

  /** @returns whether there was room for it */
  async #reserve(): Promise<boolean> {
    try {
      const file = await open(this.#file, 'w', 0o600);
      try {
        const block = new Uint8Array(blockBytes);
        for (let left = this.#reserveBytes; left > 0; left -= blockBytes) {
          await file.writeFile(block.subarray(0, Math.min(left, blockBytes)));
        }
      } finally {
        await file.close();
      }
      return true;
    } catch {
      await rm(this.#file, { force: true }).catch(() => {});
      return false;
    }
  }
}
