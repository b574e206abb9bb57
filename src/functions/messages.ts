/** How messages about functions look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import { toFunctionSettings } from '../../proto/function-settings.ts';
import { settingsHeaders } from '../../proto/headers.ts';
import type { FunctionChanged, FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName, toUserName, type UserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import { type BusMessage, type Codec, header, readBody, toBytes } from '../bus/port.ts';
import { createTopic } from '../bus/private.ts';
import { readCondition } from '../bus/resource-headers.ts';
import { readFunctionSettings } from '../bus/settings-headers.ts';
import type { HeldProgram } from './programs.ts';
import type { UploadRequest } from './upload.ts';

const versionPattern = /^[0-9a-f]{64}$/;
/** Of HostStores. */
const storeMaxLength = 64;

export const functionChangedCodec: Codec<FunctionChanged> = msgpackCodec('function.changed', (value) => {
  const { user, name, version, revision, store } = record(value);
  return {
    user: toUserName(String(user)),
    name: toFunctionName(String(name)),
    version: version === null ? null : toVersion(version),
    revision: toRevision(revision),
    store: String(store).slice(0, storeMaxLength),
  };
});

/** @throws FaasmError `bad_name` */
export function readUser({ subject }: BusMessage): UserName {
  return toUserName(tokensAfter(subject, 1)[1] ?? '');
}

/** @throws FaasmError `bad_name` */
export function readTarget(message: BusMessage): { user: UserName; name: FunctionName } {
  return { user: readUser(message), name: toFunctionName(tokensAfter(message.subject, 1)[2] ?? '') };
}

/** @throws FaasmError `bad_name`, `bad_request` */
export function readUploadRequest(message: BusMessage): UploadRequest {
  const runtime = header(message, settingsHeaders.runtime);
  return {
    ...readTarget(message),
    bytes: toBytes(message.body),
    runtime: runtime === undefined ? undefined : toFunctionName(runtime),
    settings: readFunctionSettings(message.headers),
    condition: readCondition(message),
  };
}

/** @throws FaasmError `bad_message`, also where it is of another function than it was told of */
export function readFunctionChanged(message: BusMessage): FunctionChanged {
  const change = readBody(message, functionChangedCodec);
  const [, , user, name] = tokensAfter(message.subject, 1);
  if (change.user === user && change.name === name) return change;
  throw new FaasmError('bad_message', `${message.subject} tells of ${change.user}/${change.name}`);
}

export const functionDescriptionCodec: Codec<FunctionDescription> = msgpackCodec(
  'function description',
  toDescription,
);

export const functionListCodec: Codec<readonly FunctionDescription[]> = msgpackCodec(
  'function list',
  (value) => {
    if (!Array.isArray(value)) throw new FaasmError('bad_message', 'a list is wanted');
    return value.map(toDescription);
  },
);

export interface ProgramRequest {
  readonly user: UserName;
  readonly name: FunctionName;
  /** Given where it is kept, as a call that was placed before a change wants it; else the live one. */
  readonly version: string;
}

export const programTopic = createTopic<ProgramRequest, HeldProgram>('program');

export function toDescription(value: unknown): FunctionDescription {
  const { user, name, live, versions, revision } = record(value);
  if (!Array.isArray(versions)) throw new FaasmError('bad_message', 'versions is a list');
  const description = {
    user: toUserName(String(user)),
    name: toFunctionName(String(name)),
    live: toVersion(live),
    versions: versions.map((each) => {
      const { version, module = version, settings = {}, sizeBytes, uploadedAtMs } = record(each);
      return {
        version: toVersion(version),
        module: toVersion(module),
        settings: toFunctionSettings(settings),
        sizeBytes: Number(sizeBytes),
        uploadedAtMs: Number(uploadedAtMs),
      };
    }),
  };
  // A description that was written before there were revisions has the time of its newest version.
  const newestMs = Math.max(0, ...description.versions.map((version) => version.uploadedAtMs));
  return { ...description, revision: revision === undefined ? newestMs : toRevision(revision) };
}

function toRevision(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FaasmError('bad_message', 'a revision is a whole number');
}

function toVersion(value: unknown): string {
  if (typeof value === 'string' && versionPattern.test(value)) return value;
  throw new FaasmError('bad_message', 'a version, and a module, is a sha256 in hex');
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FaasmError('bad_message', 'an object is wanted');
}
