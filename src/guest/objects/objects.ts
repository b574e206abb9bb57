/** Objects in an S3-compatible store, as a function sees its user's. Lists and bytes come in memory of the guest's `malloc`. */
import type { ObjectAnswer } from '../../objects/messages.ts';
import type { CallContext } from '../call-context.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions } from '../port.ts';

const nameMaxBytes = 63;
const keyMaxBytes = 512;
const wordBytes = 4;
const noBytes = new Uint8Array(0);

export function createObjects(
  memory: GuestMemory,
  context: CallContext,
  allocate: (bytes: Uint8Array) => number,
): ImportFunctions {
  const utf8 = new TextEncoder();
  const list = (bucket: string): Promise<ObjectAnswer> =>
    context.askObjects('list', { bucket, key: '', bytes: noBytes });
  const bucketAt = (pointer: number): string => memory.cStringText(pointer, nameMaxBytes);
  const keyAt = (pointer: number): string => memory.cStringText(pointer, keyMaxBytes);

  const writeWord = (pointer: number, value: number): void => {
    memory.bytes(pointer, wordBytes);
    memory.view().setUint32(pointer >>> 0, value, true);
  };
  /** As many as the guest was told of when it asked for their number. */
  const writeNames = async (bucket: string, pointers: number, lengths: number): Promise<() => void> => {
    const names = context.objectNames.get(bucket) ?? (await list(bucket)).names;
    return () => {
      for (const [index, name] of names.entries()) {
        const bytes = utf8.encode(name);
        writeWord(pointers + index * wordBytes, allocate(utf8.encode(`${name}\0`)));
        writeWord(lengths + index * wordBytes, bytes.length);
      }
    };
  };
  const count = async (bucket: string): Promise<number> => {
    const { names } = await list(bucket);
    context.objectNames.set(bucket, names);
    return names.length;
  };

  return {
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
      await context.askObjects('put', { bucket: bucketAt(bucket), key: keyAt(key), bytes });
      return 0;
    },

    async __faasm_s3_get_key_bytes(
      bucket: number,
      key: number,
      pointer: number,
      length: number,
    ): Promise<() => number> {
      const request = { bucket: bucketAt(bucket), key: keyAt(key), bytes: noBytes };
      const { bytes } = await context.askObjects('get', request);
      return () => {
        writeWord(pointer, allocate(bytes));
        writeWord(length, bytes.length);
        return 0;
      };
    },
  };
}
