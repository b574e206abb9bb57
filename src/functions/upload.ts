/** Makes a version of what is uploaded, and the version live. One change of a function at a time. */
import { FaasmError } from '../../proto/errors.ts';
import { addSettings, type FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionDescription, FunctionVersion } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Condition } from '../bus/resource-headers.ts';
import { toBootable } from './boot-once.ts';
import type { FunctionsContext } from './context.ts';
import { refuseCondition, withVersion } from './decide.ts';
import { liveOf, lookFor } from './find.ts';
import type { KeptFunction } from './port.ts';
import { look, step } from './step.ts';
import { versionOf } from './version.ts';

export interface UploadRequest {
  readonly user: UserName;
  readonly name: FunctionName;
  /** A module; empty where a runtime has it. */
  readonly bytes: Uint8Array;
  readonly runtime: FunctionName | undefined;
  readonly settings: FunctionSettings;
  readonly condition: Condition;
}

/** Other hosts may change a function meanwhile; each of them has then succeeded. */
const writeTries = 20;

/** @throws FaasmError `bad_module`, `too_large`, `too_many_requests`, `precondition_failed`, `storage_unavailable`, … */
export async function upload(
  context: FunctionsContext,
  request: UploadRequest,
): Promise<FunctionDescription> {
  const { state, config, log } = context;
  const { user, name, bytes, condition } = request;
  if (bytes.length > config.moduleMaxBytes) {
    throw new FaasmError(
      'too_large',
      `The module has ${bytes.length} bytes and may have ${config.moduleMaxBytes}; strip it, or raise FAASM_MODULE_MAX_BYTES`,
    );
  }
  if (state.limits.isShared) await look(context, user, name);
  await step(context, { type: 'begun', user, name, condition });
  try {
    const uploaded = await prepare(context, request);
    const kept = await write(context, request, uploaded);
    await step(context, { type: 'written', kept });
    const { version, sizeBytes } = uploaded;
    log.info({ function: `${user}/${name}`, version, sizeBytes }, 'function live');
    return kept.description;
  } finally {
    await step(context, { type: 'ended', user, name });
  }
}

/** Its module is in the store, and its program ready to run. */
async function prepare(context: FunctionsContext, request: UploadRequest): Promise<FunctionVersion> {
  const { powers, store, modules, programs, gates } = context;
  const { user, name } = request;
  const base = await toRuntime(context, request);
  if (base !== undefined) await step(context, { type: 'prepares', user, name, module: base.module });
  const settings = base === undefined ? request.settings : addSettings(base.settings, request.settings);
  const given = base === undefined ? request.bytes : undefined;
  const bytes = settings.bootOnce
    ? await toBootable(context, user, name, settings, given ?? (await store.readModule(base!.module)))
    : given;
  const { sha256: module, prepared } =
    bytes === undefined
      ? { sha256: base!.module, prepared: await modules.of(user, base!.module) }
      : await modules.prepare(user, bytes);
  const version = versionOf(module, settings);
  await programs.add(user, name, version, { prepared, settings });
  if (bytes !== undefined) {
    await step(context, { type: 'prepares', user, name, module });
    await gates.run(module, () => store.writeModule(module, bytes));
  }
  const sizeBytes = bytes?.length ?? base!.sizeBytes;
  return { version, module, settings, sizeBytes, uploadedAtMs: powers.clock.wallMs() };
}

/** The live version of the function that is named as its runtime, if any. */
async function toRuntime(
  context: FunctionsContext,
  { user, name, runtime, bytes }: UploadRequest,
): Promise<FunctionVersion | undefined> {
  if (runtime === undefined) return undefined;
  if (runtime === name)
    throw new FaasmError('bad_request', `${user}/${name} cannot be its own runtime; give it another name`);
  if (bytes.length > 0)
    throw new FaasmError('bad_request', `A function with a runtime has no module: ${runtime} has it`);
  const found = await lookFor(context, user, runtime);
  if (found === undefined)
    throw new FaasmError(
      'not_found',
      `There is no runtime ${user}/${runtime}; deploy its module under that name first`,
    );
  const live = liveOf(found);
  if (!live.settings.bootOnce) return live;
  throw new FaasmError(
    'bad_request',
    `${user}/${runtime} is booted once, so it runs nothing but its own script`,
  );
}

/** Beside the versions that other hosts may have made meanwhile. */
async function write(
  context: FunctionsContext,
  { user, name, condition }: UploadRequest,
  uploaded: FunctionVersion,
): Promise<KeptFunction> {
  const { state, store, powers } = context;
  for (let tries = 1; ; tries++) {
    const before = state.known.get(`${user}/${name}`);
    const description = withVersion(state, { user, name }, uploaded, powers.clock.wallMs());
    try {
      return { description, tag: await store.write(description, before?.tag ?? null) };
    } catch (error) {
      if (!hasCode(error, 'precondition_failed') || tries === writeTries) throw error;
    }
    try {
      await look(context, user, name);
    } catch (error) {
      if (!hasCode(error, 'storage_corrupt')) throw error;
      // What is there cannot be read, so there is nothing to keep of it.
      return { description, tag: await store.write(description, undefined) };
    }
    const refused = refuseCondition(state, { user, name }, condition);
    if (refused !== undefined) throw refused;
  }
}

function hasCode(error: unknown, code: FaasmError['code']): boolean {
  return error instanceof FaasmError && error.code === code;
}
