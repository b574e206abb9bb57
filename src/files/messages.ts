/** How messages about shared files look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import { type FilePath, fromFileToken, toFilePath, toFileToken } from '../../proto/file-path.ts';
import type { FileChanged, FileDescription } from '../../proto/messages.ts';
import { toUserName, type UserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import { type BusMessage, type Codec, readBody, toBytes } from '../bus/port.ts';
import { createValueCodec } from '../bus/private.ts';
import { readCondition, readOffset, readUpload } from '../bus/resource-headers.ts';
import type { PutRequest } from './receive-upload.ts';

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

/** @throws FaasmError `bad_name` */
export function readUser({ subject }: BusMessage): UserName {
  return toUserName(tokensAfter(subject, 1)[1] ?? '');
}

/** @throws FaasmError `bad_name` */
export function readTarget(message: BusMessage): { user: UserName; path: FilePath } {
  return { user: readUser(message), path: fromFileToken(tokensAfter(message.subject, 1)[2] ?? '') };
}

/** @throws FaasmError `bad_name`, `bad_request` */
export function readPut(message: BusMessage): PutRequest {
  return {
    ...readTarget(message),
    bytes: toBytes(message.body),
    upload: readUpload(message),
    offset: readOffset(message),
    condition: readCondition(message),
  };
}

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

/** Functions of this host see other files of this user. */
export const filesOfCodec = createValueCodec<UserName>('files of a user');

export const fileChangedCodec: Codec<FileChanged> = msgpackCodec('file.changed', (value) => ({
  path: toFilePath(String(record(value).path)),
}));

/** What a host has changed. @throws FaasmError `bad_name`, `bad_message` */
export function readFileChanged(message: BusMessage): { host: string; user: UserName; path: FilePath } {
  const [host = '', , user = ''] = tokensAfter(message.subject, 1);
  return { host, user: toUserName(user), path: readBody(message, fileChangedCodec).path };
}

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
