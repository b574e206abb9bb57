/**
 * The functions actor.
 *
 * In:   `functions.<op>.<user>.<function>`: upload, describe, list, delete, fetch; `host.*.function.<user>.<function>`
 *       of what another host has changed; inside, `program`
 * Out:  `host.<host>.function.<user>.<function>` once a version is live here or gone; inside, `function.changed` of
 *       every change that is known here, and `initialize`
 * Owns: function storage, which version of each function is live, and the Proto-Faaslets that are held
 * Never: runs a module itself, or lets one go live that it could not prepare
 *
 * Hosts may share a store. What another host has changed is found when it says so, when somebody asks for a function
 * that is not known here, and by looking now and then.
 *
 * A change is answered when every host that can be reached has heard of it: from then on none takes a call for the
 * version before. A host that has heard of a version and does not have it yet reads the store before it runs anything.
 */

import { LRUCache } from 'lru-cache';
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import { addSettings, type FunctionSettings } from '../proto/function-settings.ts';
import { settingsHeaders } from '../proto/headers.ts';
import type { FunctionChanged, FunctionDescription, FunctionVersion } from '../proto/messages.ts';
import { type FunctionName, type HostId, toFunctionName, toUserName, type UserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import { type FunctionOp, functionOps, type PublicSubjects } from '../proto/public-subjects.ts';
import { tokensAfter } from '../proto/subjects.ts';
import { Gates } from '../src/bus/gates.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  emptyBody,
  header,
  respond,
  toBytes,
} from '../src/bus/port.ts';
import { answerInside, askInside } from '../src/bus/private.ts';
import {
  type Condition,
  readCondition,
  toVersionHeaders,
  unmetCondition,
} from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import { readFunctionSettings } from '../src/bus/settings-headers.ts';
import { refused } from '../src/faaslet/boot.ts';
import type { InitializedState } from '../src/faaslet/faaslet.ts';
import { type Program, programKey } from '../src/faaslet/program.ts';
import type { Asyncify } from '../src/functions/asyncify.ts';
import type { ComingFunctions } from '../src/functions/coming.ts';
import { KnownFunctions } from '../src/functions/known-functions.ts';
import { LiveVersions } from '../src/functions/live-versions.ts';
import {
  functionChangedCodec,
  functionDescriptionCodec,
  functionListCodec,
  type ProgramRequest,
  programTopic,
  readFunctionChanged,
} from '../src/functions/messages.ts';
import type { FunctionStore } from '../src/functions/port.ts';
import { createPreparedModules } from '../src/functions/prepared-modules.ts';
import type { Preparer } from '../src/functions/preparer.ts';
import { createFunctionPrograms, type HeldProgram, type VersionParts } from '../src/functions/programs.ts';
import { createProtos } from '../src/functions/protos.ts';
import { versionOf } from '../src/functions/version.ts';
import { Announcer } from '../src/hosts/announcer.ts';
import type { Log } from '../src/log.ts';
import type { MemoryPort } from '../src/memory/port.ts';
import type { Powers, Timer } from '../src/power/port.ts';
import { initializeTopic } from '../src/worker-pool/messages.ts';

export interface FunctionsOptions {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly store: FunctionStore;
  readonly preparer: Preparer;
  /** @default none */
  readonly coming?: Pick<ComingFunctions, 'check'> | undefined;
  readonly asyncify: Asyncify;
  readonly memory: MemoryPort;
  /** Called when the store cannot be read, with the reason, and when it can again. */
  onStore(why: string | undefined): void;
  readonly config: {
    readonly host: HostId;
    /** Where the store is, as in HostStores. */
    readonly store: string;
    /** A host that was silent for so long is not waited for. */
    readonly hostSilentMs: number;
    /** How often to look what other hosts have changed; 0 where no other host has this store. */
    readonly refreshMs: number;
    /** The largest module that is taken. */
    readonly moduleMaxBytes: number;
    /** Of one user. */
    readonly functionsPerUserMax: number;
    /** Older versions than so many are dropped. */
    readonly versionsKept: number;
    /** An initialisation that takes longer is run in every call instead, within the call's time. */
    readonly initializeTimeoutMs: number;
  };
  readonly log: Log;
}

export interface FunctionsActor {
  /** Takes nothing more, and ends uploads that are prepared for longer than this. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** A function that is not there is looked for so seldom. */
const missingMs = 1000;
/** While the store is away. */
const refreshMaxMs = 15_000;
/** How often unused modules are looked for, and how old they have to be. */
const sweepMs = 3_600_000;
/** Other hosts may change a function meanwhile; each of them has then succeeded. */
const writeTries = 20;
/** A store that does not have yet what another host has written there is read so often again, later each time. */
const readTries = 6;
const readAgainMs = 20;

export async function startFunctions(options: FunctionsOptions): Promise<FunctionsActor> {
  const { bus, privateBus, subjects, control, store, preparer, asyncify, memory, config, log, onStore } =
    options;
  const { powers } = options;
  const { clock, timers } = powers;
  const isShared = config.refreshMs > 0;
  const functions = new KnownFunctions({
    store,
    onChange(description) {
      tellFound(toChange(description, description.live));
      log.debug({ function: nameOf(description), version: description.live }, 'function found in the store');
    },
    onGone(before) {
      programs.remove(before.user, before.name);
      tellFound(toChange({ ...before, revision: revisionAfter(before, clock.wallMs()) }, null));
      log.debug({ function: nameOf(before) }, 'function gone from the store');
    },
    onDamaged: (user, name, err) =>
      log.error({ function: `${user}/${name}`, err }, 'a function cannot be read'),
  });
  /** What all hosts have said of functions. */
  const heard = new LiveVersions(config.store);
  const announcer = new Announcer({
    powers,
    bus,
    control,
    host: config.host,
    hostSilentMs: config.hostSilentMs,
  });
  /** Functions that were looked for in vain a moment ago. */
  const missing = new LRUCache<string, true>({
    max: 10_000,
    ttl: missingMs,
    ttlResolution: 0,
    perf: { now: clock.monotonicMs },
  });
  const modules = createPreparedModules(preparer, (sha256) => store.readModule(sha256));
  /** Modules of runtimes that an upload is about to have, once for each. */
  const claimed: string[] = [];
  const programs = createFunctionPrograms({
    memory,
    protos: createProtos({ store, log, initialize }),
    load,
  });
  /** Changes of one function happen one after the other. */
  const gates = new Gates();
  let timer: Timer | undefined;
  let failures = 0;
  let sweptMs = 0;
  let stopped = false;

  const handlers: Record<FunctionOp, (message: BusMessage) => Promise<void>> = {
    async upload(message) {
      const { user, name } = targetOf(message);
      const description = await gates.run(`${user}/${name}`, () => upload(user, name, message));
      respond(bus, message, new Encodable(description, functionDescriptionCodec));
    },

    async describe(message) {
      const { user, name } = targetOf(message);
      respond(bus, message, new Encodable(await find(user, name), functionDescriptionCodec));
    },

    async list(message) {
      const [, token = ''] = tokensAfter(message.subject, 1);
      const user = toUserName(token);
      const all = functions.all().filter((each) => each.user === user);
      respond(bus, message, new Encodable(all.sort(byName), functionListCodec));
    },

    async delete(message) {
      const { user, name } = targetOf(message);
      await gates.run(`${user}/${name}`, () => remove(user, name, message));
      respond(bus, message, emptyBody);
    },

    async fetch(message) {
      const { user, name } = targetOf(message);
      const live = liveOf(await find(user, name));
      const headers = toVersionHeaders({ version: live.version });
      respond(bus, message, await store.readModule(live.module), headers);
    },
  };

  const changes = bus.subscribe(control.functionChanged('*', '*', '*'), onChange);
  if (isShared) await follow();
  else await functions.refresh();
  const served = serve(bus, {
    clock,
    actor: 'functions',
    id: config.host,
    description: 'Upload, describe, list and delete functions',
    endpoints: functionOps.map((op) => ({
      name: op,
      subject: subjects.functions(op, '*', '*'),
      handler: handlers[op],
    })),
  });
  const given = answerInside(privateBus, privateSubjects.program(), programTopic, handOver);
  log.info({ functions: functions.all().length, store: store.place }, 'functions are live');

  return {
    async stop(drainTimeoutMs) {
      stopped = true;
      timers.cancel(timer);
      for (const subscription of [served, given, changes]) subscription.unsubscribe();
      announcer.close();
      const changed = gates.idle();
      const enough = new AbortController();
      await Promise.race([changed, timers.sleep(drainTimeoutMs, enough).catch(() => {})]);
      enough.abort();
      asyncify.close();
      await preparer.close();
      // What had been prepared is written, and nothing else is.
      await changed;
      programs.close();
      await store.close();
    },
  };

  /** Looks what others have changed, now and from then on; a store that is away is looked for again and again. */
  async function follow(): Promise<void> {
    try {
      await functions.refresh();
      failures = 0;
      onStore(undefined);
      if (clock.steadyMs() > sweptMs + sweepMs) await sweep();
    } catch (err) {
      failures++;
      onStore(FaasmError.from(err).message);
      log.debug({ err }, 'function storage cannot be read');
    }
    const delayMs = Math.min(config.refreshMs * 2 ** Math.min(failures, 4), refreshMaxMs);
    if (!stopped) timer = timers.after(delayMs, () => void follow()).unref();
  }

  /** Removes modules that no host needs: one that was just written may be of a version that is not written yet. */
  async function sweep(): Promise<void> {
    sweptMs = clock.steadyMs();
    if (functions.hasDamaged) return;
    for (const { module, modifiedMs } of await store.listModules()) {
      if (modifiedMs < sweptMs - sweepMs && !isUsed(module)) await store.removeModule(module);
    }
  }

  /** Of another host, or of this one. */
  async function onChange(message: BusMessage): Promise<void> {
    const change = readFunctionChanged(message);
    const { user, name, version } = change;
    tellInside(change);
    announcer.confirm(message);
    if (!isShared || version === (functions.get(user, name)?.description.live ?? null)) return;
    await functions.look(user, name);
  }

  async function upload(
    user: UserName,
    name: FunctionName,
    message: BusMessage,
  ): Promise<FunctionDescription> {
    const base = await toRuntime(user, name, message);
    if (base === undefined) return makeVersion(user, name, message, undefined);
    claimed.push(base.module);
    try {
      return await makeVersion(user, name, message, base);
    } finally {
      claimed.splice(claimed.indexOf(base.module), 1);
    }
  }

  /** @param base what the function has of its runtime */
  async function makeVersion(
    user: UserName,
    name: FunctionName,
    message: BusMessage,
    base: FunctionVersion | undefined,
  ): Promise<FunctionDescription> {
    const condition = readCondition(message);
    const bytes = toBytes(message.body);
    if (bytes.length > config.moduleMaxBytes) {
      throw new FaasmError(
        'too_large',
        `The module has ${bytes.length} bytes and may have ${config.moduleMaxBytes}; strip it, or raise FAASM_MODULE_MAX_BYTES`,
      );
    }
    const own = readFunctionSettings(message.headers);
    const settings = base === undefined ? own : addSettings(base.settings, own);
    const known = isShared ? await functions.look(user, name) : functions.get(user, name);
    checkCondition(user, name, condition, known?.description);
    if (known === undefined) checkQuota(user);
    const uploadedModule = base === undefined ? bytes : undefined;
    const made = settings.bootOnce
      ? await toBootable(user, name, settings, uploadedModule ?? (await store.readModule(base!.module)))
      : uploadedModule;
    const { sha256: module, prepared } =
      made === undefined
        ? { sha256: base!.module, prepared: await modules.of(user, base!.module) }
        : await modules.prepare(user, made);
    const version = versionOf(module, settings);
    await programs.add(user, name, version, { prepared, settings });
    const uploaded: FunctionVersion = {
      version,
      module,
      settings,
      sizeBytes: made?.length ?? base!.sizeBytes,
      uploadedAtMs: clock.wallMs(),
    };
    if (made !== undefined) await store.writeModule(module, made);
    const { description, dropped } = await goLive(user, name, uploaded, condition);
    await announce(toChange(description, version));
    await dropUnused(dropped);
    await store.keepProtos(
      user,
      name,
      description.versions.map((each) => each.version),
    );
    log.info({ function: `${user}/${name}`, version, sizeBytes: uploaded.sizeBytes }, 'function live');
    return description;
  }

  /** The version becomes the live one, beside those that other hosts may have made meanwhile. */
  async function goLive(
    user: UserName,
    name: FunctionName,
    uploaded: FunctionVersion,
    condition: Condition,
  ): Promise<{ description: FunctionDescription; dropped: readonly FunctionVersion[] }> {
    for (let tries = 1; ; tries++) {
      const before = functions.get(user, name);
      const others = before?.description.versions.filter(({ version }) => version !== uploaded.version) ?? [];
      const versions = [uploaded, ...others].slice(0, config.versionsKept);
      const revision = revisionAfter(before?.description, clock.wallMs());
      const description: FunctionDescription = { user, name, live: uploaded.version, versions, revision };
      try {
        const tag = await store.write(description, before?.tag ?? null);
        functions.set({ description, tag });
        missing.delete(`${user}/${name}`);
        return { description, dropped: others.slice(config.versionsKept - 1) };
      } catch (error) {
        const isChanged = error instanceof FaasmError && error.code === 'precondition_failed';
        if (!isChanged || tries === writeTries) throw error;
        try {
          checkCondition(user, name, condition, (await functions.look(user, name))?.description);
        } catch (refused) {
          if (!(refused instanceof FaasmError) || refused.code !== 'storage_corrupt') throw refused;
          // What is there cannot be read, so there is nothing to keep of it.
          functions.set({ description, tag: await store.write(description, undefined) });
          return { description, dropped: [] };
        }
      }
    }
  }

  /** The module rewritten so that it can stop where it first reads its input. @throws FaasmError `bad_module` */
  async function toBootable(
    user: UserName,
    name: FunctionName,
    settings: FunctionSettings,
    bytes: Uint8Array,
  ): Promise<Uint8Array> {
    const { sha256, prepared } = await modules.prepare(user, bytes);
    const { module, imports, layout } = prepared;
    const version = versionOf(sha256, settings);
    const key = programKey(user, name, version);
    const left = await initialize({
      key,
      version,
      user,
      function: name,
      settings,
      module,
      imports,
      layout,
      proto: undefined,
    });
    if (left?.stack === undefined)
      throw refused(`it took more than ${config.initializeTimeoutMs} ms to read its input`);
    const rewritten = await asyncify.rewrite({ bytes, functions: left.stack });
    log.debug(
      { function: `${user}/${name}`, functions: left.stack.length, sizeBytes: rewritten.length },
      'module rewritten to be booted once',
    );
    return rewritten;
  }

  /** The live version of the function that the message names as its runtime, if any. */
  async function toRuntime(
    user: UserName,
    name: FunctionName,
    message: BusMessage,
  ): Promise<FunctionVersion | undefined> {
    const text = header(message, settingsHeaders.runtime);
    if (text === undefined) return undefined;
    const runtime = toFunctionName(text);
    if (runtime === name)
      throw new FaasmError('bad_request', `${user}/${name} cannot be its own runtime; give it another name`);
    if (toBytes(message.body).length > 0)
      throw new FaasmError('bad_request', `A function with a runtime has no module: ${runtime} has it`);
    const found = await lookFor(user, runtime);
    if (found !== undefined) {
      const live = liveOf(found);
      if (!live.settings.bootOnce) return live;
      throw new FaasmError(
        'bad_request',
        `${user}/${runtime} is booted once, so it runs nothing but its own script`,
      );
    }
    throw new FaasmError(
      'not_found',
      `There is no runtime ${user}/${runtime}; deploy its module under that name first`,
    );
  }

  async function remove(user: UserName, name: FunctionName, message: BusMessage): Promise<void> {
    const condition = readCondition(message);
    const known = await lookFor(user, name);
    // One that is damaged is said to be that.
    if (known !== undefined || !functions.isDamaged(user, name)) checkCondition(user, name, condition, known);
    const description = known ?? (await find(user, name));
    await store.remove(user, name);
    functions.delete(user, name);
    programs.remove(user, name);
    await announce(toChange({ ...description, revision: revisionAfter(description, clock.wallMs()) }, null));
    await dropUnused(description.versions);
    await store.keepProtos(user, name, []);
    log.info({ function: `${user}/${name}` }, 'function deleted');
  }

  async function handOver({ user, name, version }: ProgramRequest): Promise<HeldProgram> {
    return await programs.hold(user, name, await findVersion(user, name, version));
  }

  async function findVersion(user: UserName, name: FunctionName, wanted: string): Promise<string> {
    let { live, versions, revision } = await find(user, name);
    for (let tries = 1; isShared; tries++) {
      if (versions.some((each) => each.version === wanted)) return wanted;
      const found = await functions.look(user, name);
      ({ live, versions, revision } = found?.description ?? (await find(user, name)));
      // What is newer than all that was heard has dropped the wanted one, or never had it.
      if (revision >= (heard.get(`${user}/${name}`)?.revision ?? 0)) break;
      if (tries === readTries) {
        const why = `${store.place} does not have version ${wanted} of ${user}/${name} yet; try again`;
        throw new FaasmError('storage_unavailable', why);
      }
      await timers.sleep(readAgainMs * 2 ** tries);
    }
    return versions.find((each) => each.version === wanted)?.version ?? live;
  }

  async function load(user: UserName, name: FunctionName, version: string): Promise<VersionParts> {
    const { versions } = await find(user, name);
    const kept = versions.find((each) => each.version === version);
    if (kept === undefined) {
      throw new FaasmError('not_found', `There is no version ${version} of ${user}/${name} any more`);
    }
    return { prepared: await modules.of(user, kept.module), settings: kept.settings };
  }

  /** @throws FaasmError `bad_module` when the program fails to initialise */
  async function initialize(program: Program): Promise<InitializedState | undefined> {
    const deadlineMs = clock.steadyMs() + config.initializeTimeoutMs;
    try {
      const request = { program, deadlineMs };
      return await askInside(privateBus, privateSubjects.initialize(), initializeTopic, request);
    } catch (thrown) {
      const error = FaasmError.from(thrown);
      if (error.retry || error.code === 'deadline_exceeded') {
        log.warn(
          { function: `${program.user}/${program.function}`, err: error.message },
          'no Proto-Faaslet: it initialises in every call',
        );
        return undefined;
      }
      throw new FaasmError('bad_module', `The module cannot be initialised: ${error.message}`, {
        cause: error,
        details: error.details,
      });
    }
  }

  async function find(user: UserName, name: FunctionName): Promise<FunctionDescription> {
    const found = await lookFor(user, name);
    if (found !== undefined) return found;
    if (functions.isDamaged(user, name)) await functions.look(user, name);
    options.coming?.check(user, name);
    throw new FaasmError('not_found', `There is no function ${user}/${name}`);
  }

  /** Here, else in the store, where another host may have put it. @throws FaasmError `storage_unavailable` */
  async function lookFor(user: UserName, name: FunctionName): Promise<FunctionDescription | undefined> {
    const known = functions.get(user, name);
    if (known !== undefined || !isShared || missing.has(`${user}/${name}`)) return known?.description;
    const found = await functions.look(user, name);
    // One that another host has put there meanwhile was heard of.
    if (found === undefined && heard.get(`${user}/${name}`) === undefined)
      missing.set(`${user}/${name}`, true);
    return found?.description;
  }

  function checkQuota(user: UserName): void {
    const count = functions.all().filter((each) => each.user === user).length;
    if (count < config.functionsPerUserMax) return;
    throw new FaasmError(
      'too_many_requests',
      `${user} has ${count} functions, which is the most; delete one, or raise FAASM_FUNCTIONS_PER_USER_MAX`,
    );
  }

  /** Removes modules that no function has a version of any more. */
  async function dropUnused(versions: readonly FunctionVersion[]): Promise<void> {
    // Another host may be about to have a version of it; see `sweep`.
    if (isShared || functions.hasDamaged) return;
    for (const { module } of versions) if (!isUsed(module)) await store.removeModule(module);
  }

  function isUsed(module: string): boolean {
    if (claimed.includes(module)) return true;
    return functions.all().some(({ versions }) => versions.some((each) => each.module === module));
  }

  function toChange(
    { user, name, revision }: Pick<FunctionDescription, 'user' | 'name' | 'revision'>,
    version: string | null,
  ): FunctionChanged {
    return { user, name, version, revision, store: config.store };
  }

  /** What this host has changed. */
  async function announce(change: FunctionChanged): Promise<void> {
    await announcer.announce(...toNews(change));
  }

  /** What this host has found in its store: hosts that share it find it there too. */
  function tellFound(change: FunctionChanged): void {
    if (isShared) tellInside(change);
    else bus.tell(...toNews(change));
  }

  function toNews(change: FunctionChanged): [subject: string, body: Encodable<FunctionChanged>] {
    const subject = control.functionChanged(config.host, change.user, change.name);
    return [subject, new Encodable(change, functionChangedCodec)];
  }

  function tellInside(change: FunctionChanged): void {
    heard.hear(change);
    missing.delete(`${change.user}/${change.name}`);
    privateBus.tell(privateSubjects.functionChanged(), new Encodable(change, functionChangedCodec));
  }
}

/** @throws FaasmError `precondition_failed` */
function checkCondition(
  user: UserName,
  name: FunctionName,
  condition: Condition,
  before: FunctionDescription | undefined,
): void {
  const why = unmetCondition(condition, before?.live);
  if (why === undefined) return;
  throw new FaasmError('precondition_failed', `Cannot change function ${user}/${name}: ${why}`);
}

function revisionAfter(before: FunctionDescription | undefined, nowMs: number): number {
  return Math.max(nowMs, (before?.revision ?? 0) + 1);
}

/** @throws FaasmError `bad_name` */
function targetOf(message: BusMessage): { user: UserName; name: FunctionName } {
  const [, user = '', name = ''] = tokensAfter(message.subject, 1);
  return { user: toUserName(user), name: toFunctionName(name) };
}

const nameOf = ({ user, name }: FunctionDescription): string => `${user}/${name}`;

function liveOf({ live, versions }: FunctionDescription): FunctionVersion {
  return versions.find((each) => each.version === live)!;
}

function byName(left: FunctionDescription, right: FunctionDescription): number {
  return left.name < right.name ? -1 : 1;
}
