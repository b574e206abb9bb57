/** A file that arrives: as a whole, or in parts that have one upload id. */
import { FaasmError } from '../../proto/errors.ts';
import type { FilePath } from '../../proto/file-path.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import type { FileDescription } from '../../proto/messages.ts';
import type { UserName } from '../../proto/names.ts';
import type { Condition, UploadPart } from '../bus/resource-headers.ts';
import { commit } from './commit.ts';
import type { FilesContext, Upload } from './context.ts';
import { refusePart, refusePut } from './decide.ts';

export interface PutRequest {
  readonly user: UserName;
  readonly path: FilePath;
  readonly bytes: Uint8Array;
  /** Nothing: it is the whole file. */
  readonly upload: UploadPart | undefined;
  readonly offset: number | undefined;
  readonly condition: Condition;
}

/** @returns the file; nothing while parts of it are to come @throws FaasmError why it is not taken */
export async function receive(
  context: FilesContext,
  request: PutRequest,
): Promise<FileDescription | undefined> {
  const { user, path, upload } = request;
  // A host that stops waits for what is behind a gate.
  if (upload === undefined)
    return await context.gates.run(`put ${user}/${path}`, () => receiveWhole(context, request));
  const key = `upload ${user}/${upload.id}`;
  return await context.gates.run(key, async () => {
    try {
      return await receivePart(context, key, upload, request);
    } catch (error) {
      await giveUp(context, key);
      throw error;
    }
  });
}

/** Whatever has come of it is forgotten. */
export async function giveUp({ uploads, powers }: FilesContext, key: string): Promise<void> {
  const upload = uploads.get(key);
  uploads.delete(key);
  powers.timers.cancel(upload?.idle);
  await upload?.draft.abandon();
}

async function receiveWhole(context: FilesContext, request: PutRequest): Promise<FileDescription> {
  const { index, store, config } = context;
  const { user, path, bytes, offset, condition } = request;
  if (offset !== undefined)
    throw new FaasmError('bad_request', `A file is written as a whole: ${names.offset} is for uploads`);
  const refused = refusePut(index, user, path, bytes.length, condition, config.limits);
  if (refused !== undefined) throw refused;
  const draft = await store.createDraft();
  try {
    await draft.append(bytes);
    return await commit(context, { draft, user, path, sizeBytes: bytes.length }, condition);
  } catch (error) {
    await draft.abandon();
    throw error;
  }
}

async function receivePart(
  context: FilesContext,
  key: string,
  { commitBytes }: UploadPart,
  { user, path, bytes, offset, condition }: PutRequest,
): Promise<FileDescription | undefined> {
  const { index, uploads, gates, powers, config } = context;
  const begun = uploads.get(key);
  const sizeBytes = (begun?.sizeBytes ?? 0) + bytes.length;
  const refused =
    refusePart(begun, { path, offset, sizeBytes, commitBytes }) ??
    refusePut(index, user, path, sizeBytes, condition, config.limits);
  if (refused !== undefined) throw refused;
  const upload = begun ?? (await begin(context, key, user, path));
  powers.timers.cancel(upload.idle);
  await upload.draft.append(bytes);
  upload.sizeBytes = sizeBytes;
  if (commitBytes === undefined) {
    const forget = (): void => void gates.run(key, () => giveUp(context, key));
    upload.idle = powers.timers.after(config.uploadIdleMs, forget);
    return undefined;
  }
  const file = await commit(context, upload, condition);
  uploads.delete(key);
  return file;
}

async function begin(
  { uploads, store, config }: FilesContext,
  key: string,
  user: UserName,
  path: FilePath,
): Promise<Upload> {
  const mine = [...uploads.values()].filter((upload) => upload.user === user).length;
  if (mine >= config.uploadsPerUserMax) {
    throw new FaasmError('too_many_requests', `${user} has ${mine} uploads under way; end one first`);
  }
  const upload: Upload = { draft: await store.createDraft(), user, path, sizeBytes: 0, idle: undefined };
  uploads.set(key, upload);
  return upload;
}
