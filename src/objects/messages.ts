/** What is said to the objects actor and by it. */

export const objectOps = ['list', 'get', 'put'] as const;
export type ObjectOp = (typeof objectOps)[number];

/** Which object; without a key a bucket, without either all buckets of the user. */
export interface ObjectRequest {
  readonly bucket: string;
  readonly key: string;
  /** Of `put`. */
  readonly bytes: Uint8Array;
}

export interface ObjectAnswer {
  /** Of `list`: the buckets, or the keys of one. */
  readonly names: readonly string[];
  /** Of `get`. */
  readonly bytes: Uint8Array;
}
