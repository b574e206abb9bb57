/** Objects in an S3-compatible store, as a function sees its user's. Lists and bytes come in memory of the guest's `malloc`. */
import type { ObjectAnswer, ObjectOp, ObjectRequest } from '../../objects/messages.ts';
import {
  type Capability,
  type Guest,
  type GuestFunctions,
  type GuestHost,
  type ImportFunctions,
  waits,
} from '../port.ts';

const nameMaxBytes = 63;
const keyMaxBytes = 512;
const wordBytes = 4;
const noBytes = new Uint8Array(0);

export const objects: Capability = {
  module: 'env',
  imports: [
    {
      __faasm_s3_get_num_buckets: waits(':i'),
      __faasm_s3_list_buckets: waits('ii:'),
      __faasm_s3_get_num_keys: waits('i:i'),
      __faasm_s3_list_keys: waits('iii:'),
      __faasm_s3_add_key_bytes: waits('iiii:i'),
      __faasm_s3_get_key_bytes: waits('iiii:i'),
    },
  ],
  open: (host) => (guest) => createObjects(guest, host),
};

function createObjects(guest: Guest, host: GuestHost): GuestFunctions {
  const { memory, call } = guest;
  const utf8 = new TextEncoder();
  /** Names of buckets, and of the keys of each, as the guest was last told their number. */
  const told = new Map<string, readonly string[]>();
  const ask = async (op: ObjectOp, request: ObjectRequest): Promise<ObjectAnswer> =>
    (await host.ask('objects', op, call.user, request)) as ObjectAnswer;
  const list = (bucket: string): Promise<ObjectAnswer> => ask('list', { bucket, key: '', bytes: noBytes });
  const bucketAt = (pointer: number): string => memory.cStringText(pointer, nameMaxBytes);
  const keyAt = (pointer: number): string => memory.cStringText(pointer, keyMaxBytes);

  const writeWord = (pointer: number, value: number): void => {
    memory.bytes(pointer, wordBytes);
    memory.view().setUint32(pointer >>> 0, value, true);
  };
  /** As many as the guest was told of when it asked for their number. */
  const writeNames = async (bucket: string, pointers: number, lengths: number): Promise<() => void> => {
    const names = told.get(bucket) ?? (await list(bucket)).names;
    return () => {
      for (const [index, name] of names.entries()) {
        const bytes = utf8.encode(name);
        writeWord(pointers + index * wordBytes, guest.deliver(utf8.encode(`${name}\0`)));
        writeWord(lengths + index * wordBytes, bytes.length);
      }
    };
  };
  const count = async (bucket: string): Promise<number> => {
    const { names } = await list(bucket);
    told.set(bucket, names);
    return names.length;
  };

  const functions: ImportFunctions = {
    __faasm_s3_get_num_buckets: () => count(''),
    __faasm_s3_list_buckets: (pointers: number, lengths: number) => writeNames('', pointers, lengths),
    __faasm_s3_get_num_keys: (bucket: number) => count(bucketAt(bucket)),
    __faasm_s3_list_keys: (bucket: number, pointers: number, lengths: number) =>
      writeNames(bucketAt(bucket), pointers, lengths),

    async __faasm_s3_add_key_bytes(
      bucket: number,
      key: number,
      data: number,
      byteLength: number,
    ): Promise<number> {
      const bytes = memory.bytes(data, byteLength).slice();
      await ask('put', { bucket: bucketAt(bucket), key: keyAt(key), bytes });
      return 0;
    },

    async __faasm_s3_get_key_bytes(
      bucket: number,
      key: number,
      pointer: number,
      length: number,
    ): Promise<() => number> {
      const request = { bucket: bucketAt(bucket), key: keyAt(key), bytes: noBytes };
      const { bytes } = await ask('get', request);
      return () => {
        writeWord(pointer, guest.deliver(bytes));
        writeWord(length, bytes.length);
        return 0;
      };
    },
  };
  return { functions, reset: () => told.clear() };
}
