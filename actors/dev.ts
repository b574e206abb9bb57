/**
 * Development: what is in the folder of functions is live on this host.
 *
 * In:   changes of files in the folder, and of what is in it at the start
 * Out:  uploads to the host; lines that tell what is built, what is live and why something is not
 * Owns: what it has built each function from last
 * Never: uploads what is live already, or takes a live version away because a newer one does not build
 *
 * A pass looks at every function, and builds those whose sources, or the guest kit, are not those of the pass before.
 * Passes come one after the other; changes that happen during one are what the next one finds.
 */
import { createHash } from 'node:crypto';
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { FaasmError } from '../proto/errors.ts';
import type { FunctionDescription } from '../proto/messages.ts';
import type { FunctionName, UserName } from '../proto/names.ts';
import type { CachedBuildOptions, CachedBuildResult } from '../src/build/build-cached.ts';
import {
  type DiscoveredFunction,
  type Discovery,
  discoverFunctions,
} from '../src/build/discover-functions.ts';
import type { GuestKit } from '../src/build/guest-kit.ts';
import { languageOf } from '../src/build/language.ts';
import { type ReadSources, readSources } from '../src/build/read-sources.ts';
import type { ComingFunctions } from '../src/functions/coming.ts';

export interface DevOptions {
  /** With `<user>/<name>.cpp`, `.c`, `.ts` or `.wat` in it; in `include` is what `#include "…"` finds before all else. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly host: {
    upload(user: UserName, name: FunctionName, module: Uint8Array): Promise<FunctionDescription>;
    describe(user: UserName, name: FunctionName): Promise<FunctionDescription>;
  };
  build(options: CachedBuildOptions): Promise<CachedBuildResult>;
  /** As it is on disk now; what is built from then on is built with it. */
  readKit(): Promise<Pick<GuestKit, 'version'>>;
  /** Is told which functions are to come, until the first pass is over. */
  readonly coming: Pick<ComingFunctions, 'expect' | 'settle'>;
  /** Says a line, or several. */
  note(text: string): void;
  /** Tells of a pass while it goes on; of what is fine after the first one nothing else is said. */
  progress(pass: Pass): void;
}

export interface Pass {
  /** Functions that it is done with, and all that are there. */
  readonly done: number;
  readonly all: number;
  /** What happens now, as in `compiling for demo/echo`. */
  readonly doing: string;
}

export interface Dev {
  /** When every function of the folder was looked at once. */
  readonly ready: Promise<DevSummary>;
  stop(): Promise<void>;
}

export interface DevSummary {
  /** As `user/name`, in the order of the folder. */
  readonly live: readonly string[];
  /** As `user/name`; by its path what cannot be a function. */
  readonly failed: readonly string[];
  readonly built: number;
}

/** Builds and uploads under way together. */
const atOnceMax = 2;

/** Editors write a file in several steps. */
const settleMs = 100;

/** How often a folder that is not there is looked for. */
const lookAgainMs = 1000;

export function startDev({
  folder,
  cacheFolder,
  host,
  build,
  readKit,
  coming,
  note,
  progress,
}: DevOptions): Dev {
  /** sha256 of what was built last, by `user/name`. */
  const seen = new Map<string, string>();
  let known: readonly string[] = [];
  let refusedBefore = new Set<string>();
  let isFirst = true;
  let done = 0;
  let stopped = false;
  let settling: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;

  watchOrWait();
  const ready = pass().finally(() => {
    isFirst = false;
    coming.expect([]);
  });
  let latest: Promise<unknown> = ready;

  return {
    ready,
    async stop() {
      stopped = true;
      clearTimeout(settling);
      clearInterval(looking);
      watcher?.close();
      await latest;
    },
  };

  function watchOrWait(): void {
    if (existsSync(folder)) {
      startWatching();
      return;
    }
    note(
      `There is no folder ${folder} here; write ${join(folder, 'me', 'hello.c')}, say, and it is built, or have the demonstrations by npx faasm init --demos`,
    );
    looking = setInterval(() => {
      if (!existsSync(folder)) return;
      clearInterval(looking);
      startWatching();
      onChange();
    }, lookAgainMs);
  }

  function startWatching(): void {
    const onError = (error: Error): void => note(`Changes in ${folder} are not seen: ${error.message}`);
    try {
      watcher = watch(folder, { recursive: true }, onChange).on('error', onError);
    } catch (thrown) {
      onError(thrown as Error);
    }
  }

  function onChange(): void {
    clearTimeout(settling);
    settling = setTimeout(() => {
      latest = latest.then(pass);
    }, settleMs);
  }

  async function pass(): Promise<DevSummary> {
    const found = await look();
    if (found === undefined) return { live: [], failed: [], built: 0 };
    const names = found.functions.map(nameOf);
    for (const gone of known.filter((name) => !names.includes(name))) {
      seen.delete(gone);
      note(`${gone}: its source is gone and it stays live; delete it with faasm rm ${gone}`);
    }
    known = names;
    if (isFirst) coming.expect(names);
    done = 0;
    const failed = new Set<string>();
    let built = 0;
    const waiting = [...found.functions];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !stopped; next = waiting.shift()) {
        try {
          if (await refresh(next, found.kit)) built++;
        } catch (thrown) {
          const error = FaasmError.from(thrown);
          failed.add(nameOf(next));
          if (error.retry) seen.delete(nameOf(next));
          if (!stopped) note(`${nameOf(next)}: ${error.located}`);
        }
        done++;
        coming.settle(nameOf(next));
      }
    };
    await Promise.all(Array.from({ length: atOnceMax }, worker));
    const live = names.filter((name) => !failed.has(name));
    return { live, failed: [...failed, ...found.refused.map(({ path }) => path)], built };
  }

  async function look(): Promise<(Discovery & { readonly kit: string }) | undefined> {
    try {
      const [found, kit] = await Promise.all([discoverFunctions(folder), readKit()]);
      tellRefused(found.refused.map(({ path, error }) => `${path}: ${error.message}`));
      return { ...found, kit: kit.version };
    } catch (thrown) {
      note(FaasmError.from(thrown).located);
      return undefined;
    }
  }

  /** What is still refused was told when it was first. */
  function tellRefused(lines: readonly string[]): void {
    for (const line of lines) if (!refusedBefore.has(line)) note(line);
    refusedBefore = new Set(lines);
  }

  /** @returns whether something was built */
  async function refresh(fn: DiscoveredFunction, kit: string): Promise<boolean> {
    const name = nameOf(fn);
    const include = join(folder, 'include');
    const hasIncludes = languageOf(fn.path) === 'C' && existsSync(include);
    const { sources, includes } = await readSources([fn.path], hasIncludes ? [include] : []);
    const fingerprint = toFingerprint(sources, kit);
    if (seen.get(name) === fingerprint || stopped) return false;
    seen.set(name, fingerprint);
    const startedMs = performance.now();
    const { wasm, warnings, cached } = await build({
      sources,
      flags: { includes, extra: includes.map((path) => `-iquote${path}`) },
      cacheFolder,
      onProgress: (stage) => progress({ done, all: known.length, doing: `${stage} for ${name}` }),
    });
    if (warnings !== '') note(warnings);
    const isLive = (await liveVersion(fn)) === sha256(wasm);
    if (!isLive && !stopped) await host.upload(fn.user, fn.name, wasm);
    if (isFirst) return !cached;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (!cached) note(`${name}: live, ${wasm.length} bytes, built in ${seconds} s`);
    else if (!isLive) note(`${name}: live, ${wasm.length} bytes`);
    return !cached;
  }

  async function liveVersion({ user, name }: DiscoveredFunction): Promise<string | undefined> {
    try {
      return (await host.describe(user, name)).live;
    } catch (thrown) {
      if (notLive.has(FaasmError.from(thrown).code)) return undefined;
      throw thrown;
    }
  }
}

/** What a host says of a function that it does not have, and of one that is to come. */
const notLive: ReadonlySet<string> = new Set(['not_found', 'being_built']);

const nameOf = ({ user, name }: DiscoveredFunction): string => `${user}/${name}`;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function toFingerprint(sources: ReadSources['sources'], kit: string): string {
  const hash = createHash('sha256').update(kit);
  for (const { path, text } of sources) hash.update(`${path} ${text.length}\n`).update(text);
  return hash.digest('hex');
}
