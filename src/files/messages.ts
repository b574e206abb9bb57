/** How messages about shared files look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import { type FilePath, toFilePath, toFileToken } from '../../proto/file-path.ts';
import type { FileChanged, FileDescription } from '../../proto/messages.ts';
import type { UserName } from '../../proto/names.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';
import { createTopic, createValueCodec } from '../bus/private.ts';

/** Files of a user in the order of their paths, a page at a time. */
export interface FileListRequest {
  /** Only files below this folder; all of them where there is none. */
  readonly folder?: string;
  /** Only those after this path. */
  readonly after?: FilePath;
}

/** Entries of a page: with the longest paths it stays under 1 MiB, which is the largest NATS message by default. */
export const fileListMax = 1000;

/** Stands in the subject of what is about all files of a user. */
export const anyFile = toFileToken(toFilePath('_'));

const versionPattern = /^[0-9a-f]{64}$/;

export const fileDescriptionCodec: Codec<FileDescription> = msgpackCodec(
  'file description',
  toFileDescription,
);

export const fileListCodec: Codec<readonly FileDescription[]> = msgpackCodec('file list', (value) => {
  if (!Array.isArray(value)) throw new FaasmError('bad_message', 'a list is wanted');
  return value.map(toFileDescription);
});

const listBodyCodec: Codec<FileListRequest> = msgpackCodec('file list request', (value) => {
  const { folder, after } = record(value);
  return {
    ...(folder !== undefined && { folder: toFilePath(String(folder)) as string }),
    ...(after !== undefined && { after: toFilePath(String(after)) }),
  };
});

/** An empty body asks for the first page of all. */
export const fileListRequestCodec: Codec<FileListRequest> = {
  ...listBodyCodec,
  decode: (bytes) => (bytes.length === 0 ? {} : listBodyCodec.decode(bytes)),
};

/** All files of a user, as executors get them. */
export const fileIndexTopic = createTopic<UserName, Uint8Array>('file index');

/** Functions of this host see other files of this user. */
export const filesOfCodec = createValueCodec<UserName>('files of a user');

export const fileChangedCodec: Codec<FileChanged> = msgpackCodec('file.changed', (value) => ({
  path: toFilePath(String(record(value).path)),
}));

export function toFileDescription(value: unknown): FileDescription {
  const { path, sizeBytes, version, modifiedAtMs } = record(value);
  if (typeof version !== 'string' || !versionPattern.test(version))
    throw new FaasmError('bad_message', 'the version of a file is a sha256 in hex');
  return {
    path: toFilePath(String(path)),
    sizeBytes: toCount(sizeBytes),
    version,
    modifiedAtMs: toCount(modifiedAtMs),
  };
}

function toCount(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new FaasmError('bad_message', 'sizeBytes and modifiedAtMs are whole numbers');
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FaasmError('bad_message', 'an object is wanted');
}
