/**
 * The files actor.
 *
 * In:   `files.<op>.<user>.<path>`: put, get, describe, list, delete; `host.*.file.<user>` of what another host has
 *       changed; inside, `file.index`
 * Out:  once functions here see a change: `host.<host>.file.<user>` where it was made here, and inside, `file.changed`
 * Owns: the storage of shared files, and which content is at which path
 * Never: opens a file for a guest: executors read contents themselves, from the folder that the storage names
 *
 * A file arrives as one `put`, or as several with one upload id, each beginning where the one before ended; nothing is
 * seen of it before the one that commits it. What a file was before is kept as long as a call may run that still sees it.
 */
import { LRUCache } from 'lru-cache';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import { type FilePath, fromFileToken } from '../proto/file-path.ts';
import { resourceHeaders as names } from '../proto/headers.ts';
import type { FileDescription } from '../proto/messages.ts';
import { type HostId, quote, toUserName, type UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import { type FileOp, fileOps, type PublicSubjects } from '../proto/public-subjects.ts';
import { tokensAfter } from '../proto/subjects.ts';
import { Gates } from '../src/bus/gates.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  readBody,
  respond,
  toBytes,
} from '../src/bus/port.ts';
import { answerInside } from '../src/bus/private.ts';
import {
  type Condition,
  readCondition,
  readOffset,
  readPart,
  readUpload,
  respondPart,
} from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import { fileDamaged } from '../src/files/damaged.ts';
import {
  createFileIndex,
  type FileLimits,
  fileAt,
  listFiles,
  noFile,
  put,
  refuseDelete,
  refusePut,
  remove,
} from '../src/files/decide.ts';
import {
  fileChangedCodec,
  fileDescriptionCodec,
  fileIndexTopic,
  fileListCodec,
  fileListMax,
  fileListRequestCodec,
  filesOfCodec,
} from '../src/files/messages.ts';
import type { ContentDraft, FileStore } from '../src/files/port.ts';
import type { Log } from '../src/log.ts';
import type { Powers, Timer } from '../src/power/port.ts';

export interface FilesOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly store: FileStore;
  readonly config: {
    readonly host: HostId;
    readonly limits: FileLimits;
    /** Begun and not ended, for one user. */
    readonly uploadsPerUserMax: number;
    /** An upload without a new part for so long is forgotten. */
    readonly uploadIdleMs: number;
    /** How long a content is kept that no file has any more: longer than a call may take. */
    readonly retiredKeptMs: number;
  };
  readonly log: Log;
}

interface Upload {
  readonly draft: ContentDraft;
  readonly user: UserName;
  readonly path: FilePath;
  sizeBytes: number;
  idle: Timer | undefined;
}

/** Lists of files as executors get them, kept for the next executor that asks. */
const indexesMaxBytes = 64 * 1024 * 1024;

export async function startFiles(options: FilesOptions): Promise<{ stop(): Promise<void> }> {
  const { bus, privateBus, subjects, control, store, config, log } = options;
  const { clock, timers } = options.powers;
  const index = createFileIndex();
  const indexes = new LRUCache<UserName, Uint8Array>({
    maxSize: indexesMaxBytes,
    sizeCalculation: (bytes) => bytes.length + 1,
  });
  /** Parts of an upload, and changes of a user's files, one after the other. */
  const gates = new Gates();
  const uploads = new Map<string, Upload>();
  /** Contents that are being put in their place, and that are being removed. */
  const arriving = new Map<string, number>();
  const leaving = new Map<string, Promise<void>>();
  const retirements = new Set<Timer>();

  for (const { user, ...file } of await store.list()) {
    const error = refusePut(index, user, file.path, 0, {}, config.limits);
    // Quotas may be lower than they were.
    if (error?.code !== 'conflict') put(index, user, file);
    else log.error({ user, path: file.path, err: error.message }, 'a shared file is left out');
  }
  await store.sweep(new Set(index.contents.keys()));
  const handlers: Record<FileOp, (message: BusMessage) => void | Promise<void>> = {
    async put(message) {
      const { user, path } = targetOf(message);
      await receive(user, path, message);
    },

    async get(message) {
      const { user, path } = targetOf(message);
      await send(user, path, message);
    },

    async describe(message) {
      const { user, path } = targetOf(message);
      answer(message, await find(user, path));
    },

    list(message) {
      respond(bus, message, new Encodable(page(userOf(message), message), fileListCodec));
    },

    async delete(message) {
      const { user, path } = targetOf(message);
      await gates.run(user, () => removeFile(user, path, readCondition(message)));
      respond(bus, message, emptyBody);
    },
  };

  const subscriptions = [
    serve(bus, {
      clock,
      actor: 'files',
      id: config.host,
      description: 'Write, read, list and delete shared files',
      endpoints: fileOps.map((op) => ({
        name: op,
        subject: subjects.files(op, '*', '*'),
        handler: handlers[op],
      })),
      onFailure(error, { subject }) {
        if (error.http >= 500) log.warn({ err: error, subject }, 'a request about shared files failed');
      },
    }),
    answerInside(privateBus, privateSubjects.fileIndex(), fileIndexTopic, toIndex),
    bus.subscribe(control.fileChanged('*', '*'), onChanged),
  ];
  for (const user of index.users.keys()) tellInside(user);
  log.info({ users: index.users.size, contents: index.contents.size }, 'shared files are there');

  return {
    async stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      for (const timer of retirements) timers.cancel(timer);
      await gates.idle();
      for (const key of uploads.keys()) await giveUp(key);
      await Promise.allSettled(leaving.values());
    },
  };

  async function receive(user: UserName, path: FilePath, message: BusMessage): Promise<void> {
    const upload = readUpload(message);
    const offset = readOffset(message);
    const condition = readCondition(message);
    const bytes = toBytes(message.body);
    if (upload === undefined) {
      if (offset !== undefined)
        throw new FaasmError('bad_request', `A file is written as a whole: ${names.offset} is for uploads`);
      check(user, path, bytes.length, condition);
      const draft = await store.createDraft();
      try {
        await draft.append(bytes);
        answer(message, await commit({ draft, user, path, sizeBytes: bytes.length }, condition));
      } catch (error) {
        await draft.abandon();
        throw error;
      }
      return;
    }
    const key = `upload ${user}/${upload.id}`;
    await gates.run(key, async () => {
      try {
        const { commitBytes } = upload;
        const file = await takePart(key, { user, path, offset, commitBytes, bytes, condition });
        if (file === undefined) respond(bus, message, emptyBody);
        else answer(message, file);
      } catch (error) {
        await giveUp(key);
        throw error;
      }
    });
  }

  async function takePart(
    key: string,
    part: {
      readonly user: UserName;
      readonly path: FilePath;
      readonly offset: number | undefined;
      readonly commitBytes: number | undefined;
      readonly bytes: Uint8Array;
      readonly condition: Condition;
    },
  ): Promise<FileDescription | undefined> {
    const { user, path, bytes, commitBytes, condition } = part;
    const begun = uploads.get(key);
    const had = begun?.sizeBytes ?? 0;
    const sizeBytes = had + bytes.length;
    if ((part.offset ?? had) !== had || (begun !== undefined && begun.path !== path)) {
      throw new FaasmError(
        'conflict',
        `The upload goes on at byte ${had} of its file; begin again with a new id`,
      );
    }
    if (commitBytes !== undefined && commitBytes !== sizeBytes) {
      throw new FaasmError(
        'conflict',
        `${commitBytes} bytes were to be committed and ${sizeBytes} are there`,
      );
    }
    check(user, path, sizeBytes, condition);
    const upload = begun ?? (await begin(key, user, path));
    timers.cancel(upload.idle);
    await upload.draft.append(bytes);
    upload.sizeBytes = sizeBytes;
    if (commitBytes !== undefined) {
      const file = await commit(upload, condition);
      uploads.delete(key);
      return file;
    }
    upload.idle = timers.after(config.uploadIdleMs, () => void gates.run(key, () => giveUp(key)));
    return undefined;
  }

  async function begin(key: string, user: UserName, path: FilePath): Promise<Upload> {
    const mine = [...uploads.values()].filter((each) => each.user === user).length;
    if (mine >= config.uploadsPerUserMax) {
      throw new FaasmError('too_many_requests', `${user} has ${mine} uploads under way; end one first`);
    }
    const upload: Upload = { draft: await store.createDraft(), user, path, sizeBytes: 0, idle: undefined };
    uploads.set(key, upload);
    return upload;
  }

  async function giveUp(key: string): Promise<void> {
    const upload = uploads.get(key);
    uploads.delete(key);
    timers.cancel(upload?.idle);
    await upload?.draft.abandon();
  }

  async function commit(
    { draft, user, path, sizeBytes }: Pick<Upload, 'draft' | 'user' | 'path' | 'sizeBytes'>,
    condition: Condition,
  ): Promise<FileDescription> {
    const version = await draft.finish();
    return gates.run(user, async () => {
      check(user, path, sizeBytes, condition);
      const there = fileAt(index, user, path);
      if (there?.version === version) {
        await draft.abandon();
        return there;
      }
      const file = { path, sizeBytes, version, modifiedAtMs: clock.wallMs() };
      arriving.set(version, (arriving.get(version) ?? 0) + 1);
      try {
        await leaving.get(version);
        await draft.keep();
        await store.writeEntry({ user, ...file });
        const before = put(index, user, file);
        tell(user, path);
        if (before !== undefined) retire(before.version);
      } finally {
        arriving.set(version, arriving.get(version)! - 1);
        if (arriving.get(version) === 0) arriving.delete(version);
        if (!index.contents.has(version)) retire(version);
      }
      return file;
    });
  }

  async function removeFile(user: UserName, path: FilePath, condition: Condition): Promise<void> {
    const error = refuseDelete(index, user, path, condition);
    if (error !== undefined && !(error.code === 'not_found' && (await isDamaged(user, path)))) throw error;
    await store.removeEntry(user, path);
    const before = remove(index, user, path);
    tell(user, path);
    if (before !== undefined) retire(before.version);
  }

  /** Removes a content later, unless a file has it then. */
  function retire(version: string): void {
    if (index.contents.has(version)) return;
    const timer = timers.after(config.retiredKeptMs, () => {
      retirements.delete(timer);
      if (index.contents.has(version) || arriving.has(version)) return;
      const removed = store
        .removeContent(version)
        .catch((err) => log.warn({ err, version }, 'a content could not be removed'))
        .finally(() => leaving.delete(version));
      leaving.set(version, removed);
    });
    timer.unref();
    retirements.add(timer);
  }

  async function send(user: UserName, path: FilePath, message: BusMessage): Promise<void> {
    const { version, sizeBytes } = await find(user, path);
    const { offset, length } = readPart(message, bus);
    const size = Math.max(0, Math.min(length, sizeBytes - offset));
    const bytes = await read(path, version, offset, size);
    respondPart(bus, message, { what: `File ${quote(path)}`, bytes, sizeBytes, version });
  }

  /** @throws FaasmError `storage_corrupt` for a content that is damaged, or gone though a file has it */
  async function read(path: FilePath, version: string, offset: number, length: number): Promise<Uint8Array> {
    try {
      const bytes = await store.readContent(version, offset, length);
      if (bytes.length === length) return bytes;
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      if (error.code !== 'not_found' && error.code !== 'storage_corrupt') throw error;
      log.error({ err: error, path, version }, 'a shared file is damaged');
    }
    throw fileDamaged(path);
  }

  async function onChanged(message: BusMessage): Promise<void> {
    const [host, , token = ''] = tokensAfter(message.subject, 1);
    if (host === config.host) return;
    const user = toUserName(token);
    const { path } = readBody(message, fileChangedCodec);
    await gates.run(user, async () => {
      const stored = await store.readEntry(user, path);
      if (stored?.version === fileAt(index, user, path)?.version) return;
      const before = remove(index, user, path);
      if (stored !== undefined) {
        const { user: _, ...file } = stored;
        put(index, user, file);
      }
      tellInside(user);
      if (before !== undefined) retire(before.version);
    });
  }

  function page(user: UserName, message: BusMessage): FileDescription[] {
    const { folder, after } = readBody(message, fileListRequestCodec);
    const all = listFiles(index, user, folder);
    const rest = after === undefined ? all : all.filter(({ path }) => path > after);
    return rest.slice(0, fileListMax);
  }

  function toIndex(user: UserName): Uint8Array {
    let bytes = indexes.get(user);
    if (bytes === undefined) {
      const files = listFiles(index, user);
      const rows = files.map(({ path, version, sizeBytes, modifiedAtMs }) => [
        path,
        version,
        sizeBytes,
        modifiedAtMs,
      ]);
      bytes = new TextEncoder().encode(JSON.stringify(rows));
      indexes.set(user, bytes);
    }
    return bytes;
  }

  /** @throws FaasmError `not_found`, and `storage_corrupt` for one that is in no list as its entry is damaged */
  async function find(user: UserName, path: FilePath): Promise<FileDescription> {
    const found = fileAt(index, user, path);
    if (found !== undefined) return found;
    await store.readEntry(user, path);
    throw noFile(user, path);
  }

  async function isDamaged(user: UserName, path: FilePath): Promise<boolean> {
    try {
      await store.readEntry(user, path);
      return false;
    } catch (thrown) {
      if (FaasmError.from(thrown).code === 'storage_corrupt') return true;
      throw thrown;
    }
  }

  function check(user: UserName, path: FilePath, sizeBytes: number, condition: Condition): void {
    const error = refusePut(index, user, path, sizeBytes, condition, config.limits);
    if (error !== undefined) throw error;
  }

  function answer(message: BusMessage, file: FileDescription): void {
    const headers = { [names.version]: [file.version], [names.size]: [String(file.sizeBytes)] };
    respond(bus, message, new Encodable(file, fileDescriptionCodec), headers);
  }

  /** What this host has changed. */
  function tell(user: UserName, path: FilePath): void {
    tellInside(user);
    bus.tell(control.fileChanged(config.host, user), new Encodable({ path }, fileChangedCodec));
  }

  function tellInside(user: UserName): void {
    indexes.delete(user);
    privateBus.tell(privateSubjects.fileChanged(), new Encodable(user, filesOfCodec));
  }
}

/** @throws FaasmError `bad_name` */
function userOf(message: BusMessage): UserName {
  const [, user = ''] = tokensAfter(message.subject, 1);
  return toUserName(user);
}

/** @throws FaasmError `bad_name` */
function targetOf(message: BusMessage): { user: UserName; path: FilePath } {
  const [, , path = ''] = tokensAfter(message.subject, 1);
  return { user: userOf(message), path: fromFileToken(path) };
}
