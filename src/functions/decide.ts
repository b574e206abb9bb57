/**
 * The core of functions: which there are, as this host knows them, and which modules nothing has any more. Pure: time
 * comes in the message, what is to be done goes out as effects.
 *
 *     begun ──▶ preparing ── written ──▶ known ── written again, removed ──▶ retired ── nothing has it ──▶ removeModule
 *                   └──── ended ────────────────────────────────────────────────▲
 *
 * A store may have other hosts. What they did is found in it, all of it (`listed`) or one function (`read`), and is
 * heard of, maybe late or not at all.
 *
 * Invariants
 * - A module is removed when no known version has it and no upload prepares it; never while a description cannot be
 *   read, as it is not known what that one has; and in a shared store only when it is old.
 * - No user has more functions than `functionsPerUserMax`, with those that are being prepared.
 * - What was read never takes the place of what this host has changed since the reading began.
 * - Each change of a function is told with a revision that is higher than the one before.
 *
 * State is the actor's own record; `decide` changes it in place and returns the effects, which are begun in their order.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionChanged, FunctionDescription, FunctionVersion } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { type Condition, unmetCondition } from '../bus/resource-headers.ts';
import { LiveVersions } from './live-versions.ts';
import type { KeptFunction, ListedFunction, ListedModule } from './port.ts';

export interface FunctionsLimits {
  /** Where the store is, as in HostStores. */
  readonly store: string;
  /** Other hosts have this store. */
  readonly isShared: boolean;
  /** Of one user. */
  readonly functionsPerUserMax: number;
  /** Older versions than so many are dropped. */
  readonly versionsKept: number;
}

interface Which {
  readonly user: UserName;
  readonly name: FunctionName;
}

export type FunctionsMessage =
  /** An upload begins: the function has its place until `ended`. */
  | (Which & { readonly type: 'begun'; readonly condition: Condition })
  /** What is uploaded has this module. */
  | (Which & { readonly type: 'prepares'; readonly module: string })
  /** The store has it, with the version that was uploaded. */
  | { readonly type: 'written'; readonly kept: KeptFunction }
  /** The upload is over, well or not. */
  | (Which & { readonly type: 'ended' })
  /** The store has it no more. */
  | { readonly type: 'removed'; readonly description: FunctionDescription; readonly wallMs: number }
  /** All that the store has. */
  | { readonly type: 'listed'; readonly functions: readonly ListedFunction[]; readonly wallMs: number }
  /** What the store has of one; nothing where it does not have it. */
  | (Which & {
      readonly type: 'read';
      readonly found: KeptFunction | undefined;
      /** As it was known when the reading began. */
      readonly before: KeptFunction | undefined;
      readonly wallMs: number;
      readonly steadyMs: number;
    })
  | (Which & { readonly type: 'unreadable'; readonly tag: string; readonly error: unknown })
  /** A host has changed a function: another one, or this one. */
  | { readonly type: 'heard'; readonly change: FunctionChanged }
  /** What a shared store has of modules; those that were written later may be of an upload that another host prepares. */
  | { readonly type: 'swept'; readonly modules: readonly ListedModule[]; readonly writtenBeforeMs: number };

export type FunctionsEffect =
  | { readonly type: 'refuse'; readonly error: FaasmError }
  /** Find out what the store has of these. */
  | { readonly type: 'read'; readonly functions: readonly ListedFunction[] }
  /** Tell the actors of this host. */
  | { readonly type: 'tell'; readonly change: FunctionChanged }
  /** Tell those of all hosts. */
  | { readonly type: 'tellAll'; readonly change: FunctionChanged }
  /** The same, and what the change is of ends when all hosts have heard of it. */
  | { readonly type: 'announce'; readonly change: FunctionChanged }
  /** No program of it waits for its first call any more. */
  | (Which & { readonly type: 'forget' })
  | { readonly type: 'removeModule'; readonly module: string }
  /** Remove the Proto-Faaslets of all other versions. */
  | (Which & { readonly type: 'keepProtos'; readonly versions: readonly string[] })
  | (Which & { readonly type: 'report'; readonly error: unknown });

interface Preparing extends Which {
  readonly modules: string[];
}

/** Maps are by `user/name`. */
export interface FunctionsState {
  readonly limits: FunctionsLimits;
  readonly known: Map<string, KeptFunction>;
  /** Tags of what is there and cannot be read. */
  readonly unreadable: Map<string, string>;
  /** What all hosts have said. */
  readonly heard: LiveVersions;
  /** Looked for in vain, and until when that is believed. */
  readonly missing: Map<string, number>;
  readonly preparing: Map<string, Preparing>;
  /** Modules of versions and uploads that are over; another one may have them still. */
  readonly retired: Set<string>;
}

/** A function that is not there is looked for so seldom. */
const missingMs = 1000;
const missingMax = 10_000;

export function createFunctionsState(limits: FunctionsLimits): FunctionsState {
  return {
    limits,
    known: new Map(),
    unreadable: new Map(),
    heard: new LiveVersions(limits.store),
    missing: new Map(),
    preparing: new Map(),
    retired: new Set(),
  };
}

export function decide(state: FunctionsState, message: FunctionsMessage): FunctionsEffect[] {
  const effects: FunctionsEffect[] = [];
  switch (message.type) {
    case 'begun': {
      const { user, name } = message;
      const error = refusal(state, message);
      if (error === undefined) state.preparing.set(keyOf(message), { user, name, modules: [] });
      else effects.push({ type: 'refuse', error });
      break;
    }
    case 'prepares':
      state.preparing.get(keyOf(message))?.modules.push(message.module);
      break;
    case 'written': {
      const { user, name, live, versions } = message.kept.description;
      retire(state, state.known.get(`${user}/${name}`)?.description);
      know(state, message.kept);
      effects.push({ type: 'announce', change: toChange(state, message.kept.description, live) });
      effects.push({ type: 'keepProtos', user, name, versions: versions.map(({ version }) => version) });
      break;
    }
    case 'ended': {
      const { modules = [] } = state.preparing.get(keyOf(message)) ?? {};
      state.preparing.delete(keyOf(message));
      if (!state.limits.isShared) for (const module of modules) state.retired.add(module);
      break;
    }
    case 'removed': {
      const { description, wallMs } = message;
      const { user, name } = description;
      retire(state, description);
      state.known.delete(keyOf(description));
      state.unreadable.delete(keyOf(description));
      effects.push({ type: 'forget', user, name });
      effects.push({ type: 'announce', change: toChange(state, after(description, wallMs), null) });
      effects.push({ type: 'keepProtos', user, name, versions: [] });
      break;
    }
    case 'listed':
      compare(state, message.functions, message.wallMs, effects);
      break;
    case 'read':
      take(state, message, effects);
      break;
    case 'unreadable': {
      const { user, name, tag, error } = message;
      if (state.unreadable.get(keyOf(message)) === tag) break;
      state.unreadable.set(keyOf(message), tag);
      effects.push({ type: 'report', user, name, error });
      break;
    }
    case 'heard': {
      const { user, name, version } = message.change;
      tell(state, message.change, effects);
      const live = state.known.get(keyOf(message.change))?.description.live ?? null;
      if (state.limits.isShared && version !== live)
        effects.push({ type: 'read', functions: [{ user, name, tag: '' }] });
      break;
    }
    case 'swept': {
      const old = message.modules.filter(({ modifiedMs }) => modifiedMs < message.writtenBeforeMs);
      const modules = old.map(({ module }) => module);
      if (state.unreadable.size === 0) removeUnused(state, modules, effects);
      break;
    }
  }
  collect(state, effects);
  return effects;
}

/** Whether the store has to be asked: another host may have put it there, or it could not be read. */
export function mayBeThere(state: FunctionsState, which: Which, steadyMs: number): boolean {
  const key = keyOf(which);
  if (state.known.has(key)) return false;
  if (state.unreadable.has(key)) return true;
  return state.limits.isShared && steadyMs >= (state.missing.get(key) ?? 0);
}

/**
 * The version that a call runs which was placed for the wanted one; nothing where the store has to be read again.
 * @param isRead it was read for this call
 */
export function versionToRun(
  state: FunctionsState,
  description: FunctionDescription,
  wanted: string,
  isRead: boolean,
): string | undefined {
  if (description.versions.some(({ version }) => version === wanted)) return wanted;
  if (!state.limits.isShared) return description.live;
  // What is newer than all that was heard has dropped the wanted one, or never had it.
  const isNewest = description.revision >= (state.heard.get(keyOf(description))?.revision ?? 0);
  return isRead && isNewest ? description.live : undefined;
}

/** The function with one more version, which is live. */
export function withVersion(
  state: FunctionsState,
  { user, name }: Which,
  uploaded: FunctionVersion,
  wallMs: number,
): FunctionDescription {
  const before = state.known.get(`${user}/${name}`)?.description;
  const others = before?.versions.filter(({ version }) => version !== uploaded.version) ?? [];
  const versions = [uploaded, ...others].slice(0, state.limits.versionsKept);
  return { user, name, live: uploaded.version, versions, revision: revisionAfter(before, wallMs) };
}

/** Why a function that is there, or is not, may not be changed. */
export function refuseCondition(
  state: FunctionsState,
  which: Which,
  condition: Condition,
): FaasmError | undefined {
  const why = unmetCondition(condition, state.known.get(keyOf(which))?.description.live);
  if (why === undefined) return undefined;
  return new FaasmError('precondition_failed', `Cannot change function ${keyOf(which)}: ${why}`);
}

function refusal(
  state: FunctionsState,
  message: Extract<FunctionsMessage, { type: 'begun' }>,
): FaasmError | undefined {
  const unmet = refuseCondition(state, message, message.condition);
  if (unmet !== undefined || state.known.has(keyOf(message))) return unmet;
  const { user } = message;
  const isOfUser = (name: string): boolean => name.startsWith(`${user}/`);
  const names = new Set([...state.known.keys(), ...state.preparing.keys()].filter(isOfUser));
  if (names.size < state.limits.functionsPerUserMax) return undefined;
  return new FaasmError(
    'too_many_requests',
    `${user} has ${names.size} functions, which is the most; delete one, or raise FAASM_FUNCTIONS_PER_USER_MAX`,
  );
}

function compare(
  state: FunctionsState,
  listed: readonly ListedFunction[],
  wallMs: number,
  effects: FunctionsEffect[],
): void {
  const there = new Set(listed.map(keyOf));
  for (const { description } of [...state.known.values()])
    if (!there.has(keyOf(description))) forget(state, description, wallMs, effects);
  for (const name of state.unreadable.keys()) if (!there.has(name)) state.unreadable.delete(name);
  const functions = listed.filter((found) => state.known.get(keyOf(found))?.tag !== found.tag);
  if (functions.length > 0) effects.push({ type: 'read', functions });
}

function take(
  state: FunctionsState,
  message: Extract<FunctionsMessage, { type: 'read' }>,
  effects: FunctionsEffect[],
): void {
  const { found, before, wallMs, steadyMs } = message;
  const key = keyOf(message);
  if (state.known.get(key) !== before) return;
  if (found === undefined) {
    forget(state, message, wallMs, effects);
    // One that another host has put there meanwhile was heard of.
    if (state.heard.get(key) !== undefined) return;
    state.missing.set(key, steadyMs + missingMs);
    if (state.missing.size > missingMax) state.missing.delete(state.missing.keys().next().value!);
  } else if (found.tag !== before?.tag) {
    know(state, found);
    tellFound(state, toChange(state, found.description, found.description.live), effects);
  }
}

function know(state: FunctionsState, kept: KeptFunction): void {
  const key = keyOf(kept.description);
  state.known.set(key, kept);
  state.unreadable.delete(key);
  state.missing.delete(key);
}

/** Another host has removed it, or somebody in the store. */
function forget(state: FunctionsState, which: Which, wallMs: number, effects: FunctionsEffect[]): void {
  const key = keyOf(which);
  const { user, name } = which;
  state.unreadable.delete(key);
  const before = state.known.get(key)?.description;
  if (before === undefined) return;
  state.known.delete(key);
  effects.push({ type: 'forget', user, name });
  tellFound(state, toChange(state, after(before, wallMs), null), effects);
}

/** Hosts that share the store find it there too. */
function tellFound(state: FunctionsState, change: FunctionChanged, effects: FunctionsEffect[]): void {
  if (state.limits.isShared) tell(state, change, effects);
  else effects.push({ type: 'tellAll', change });
}

function tell(state: FunctionsState, change: FunctionChanged, effects: FunctionsEffect[]): void {
  state.heard.hear(change);
  state.missing.delete(keyOf(change));
  effects.push({ type: 'tell', change });
}

function retire(state: FunctionsState, description: FunctionDescription | undefined): void {
  // Another host may be about to have a version of it.
  if (state.limits.isShared) return;
  for (const { module } of description?.versions ?? []) state.retired.add(module);
}

function collect(state: FunctionsState, effects: FunctionsEffect[]): void {
  if (state.retired.size === 0 || state.unreadable.size > 0) return;
  removeUnused(state, state.retired, effects);
  state.retired.clear();
}

function removeUnused(state: FunctionsState, modules: Iterable<string>, effects: FunctionsEffect[]): void {
  const used = new Set([...state.preparing.values()].flatMap(({ modules }) => modules));
  for (const { description } of state.known.values())
    for (const { module } of description.versions) used.add(module);
  for (const module of modules) if (!used.has(module)) effects.push({ type: 'removeModule', module });
}

const keyOf = ({ user, name }: Which): string => `${user}/${name}`;

function toChange(
  state: FunctionsState,
  { user, name, revision }: FunctionDescription,
  version: string | null,
): FunctionChanged {
  return { user, name, version, revision, store: state.limits.store };
}

const after = (description: FunctionDescription, wallMs: number): FunctionDescription => ({
  ...description,
  revision: revisionAfter(description, wallMs),
});

function revisionAfter(before: FunctionDescription | undefined, wallMs: number): number {
  return Math.max(wallMs, (before?.revision ?? 0) + 1);
}
