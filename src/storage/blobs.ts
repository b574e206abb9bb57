/** Named bytes, which several hosts may share. */

/** What a write must find: this tag; null: nothing; undefined: whatever there is. */
export type WriteTag = string | null | undefined;

export interface BlobInfo {
  readonly name: string;
  /** Another content has another one. */
  readonly tag: string;
  /** When it was written, in Unix milliseconds. */
  readonly modifiedMs: number;
}

/** Names are made of `[A-Za-z0-9_.-]` and slashes. Every method may throw FaasmError `storage_unavailable`. */
export interface BlobStore {
  /** For people, as in `s3://bucket/prefix`. */
  readonly place: string;
  get(name: string): Promise<{ readonly bytes: Uint8Array; readonly tag: string } | undefined>;
  /**
   * Replaces a blob as a whole: a reader, and who comes after a crash, sees the old or the new one. The new one is kept
   * when this resolves.
   * @returns its tag @throws FaasmError `precondition_failed`
   */
  put(name: string, bytes: Uint8Array, expected?: WriteTag): Promise<string>;
  delete(name: string): Promise<void>;
  /** Blobs whose names begin so, in no order. */
  list(prefix: string): Promise<BlobInfo[]>;
  close(): Promise<void>;
}
