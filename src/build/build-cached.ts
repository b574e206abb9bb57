/**
 * Builds that are remembered by what went into them. A hit costs a few milliseconds and does not start the toolchain.
 *
 *     <cacheFolder>/<sha256 of the build>.wasm           the module
 *     <cacheFolder>/objects/<sha256 of the source>.o     of C and C++, each source by itself
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { buildModule, writeModule } from './build-module.ts';
import { compilerVersion } from './compiler-version.ts';
import { readGuestKit } from './guest-kit.ts';
import { KeptFiles } from './kept-files.ts';
import { languageOfAll } from './language.ts';
import { type BuildOptions, type BuildResult, toBuildFlags, toBuildSources } from './options.ts';

export interface CachedBuildOptions extends Omit<BuildOptions, 'objectsFolder'> {
  /** Made when it is not there. */
  readonly cacheFolder: string;
}

export interface CachedBuildResult extends BuildResult {
  /** Whether it was built before, and came out of the cache. */
  readonly cached: boolean;
}

const modulesMaxBytes = 512 * 1024 * 1024;

/** Changes when the same input would be built into something else by other code of this folder. */
const builder = 3;

const running = new Map<string, Promise<CachedBuildResult>>();

/** As buildModule(). @throws FaasmError as buildModule() does */
export async function buildCached(options: CachedBuildOptions): Promise<CachedBuildResult> {
  const key = await keyOf(options);
  const file = join(resolve(options.cacheFolder), key);
  let build = running.get(file);
  if (build === undefined) {
    build = buildOnce(options, key).finally(() => running.delete(file));
    running.set(file, build);
  }
  const result = await build;
  if (options.output !== undefined) await writeModule(options.output, result.wasm);
  return result;
}

async function buildOnce(
  { cacheFolder, output: _, ...options }: CachedBuildOptions,
  key: string,
): Promise<CachedBuildResult> {
  const folder = resolve(cacheFolder);
  const modules = new KeptFiles({ folder, ending: 'wasm', maxBytes: modulesMaxBytes });
  const found = await modules.find(key);
  if (found !== undefined) return { wasm: found.bytes, warnings: found.text, cached: true };
  const result = await buildModule({ ...options, objectsFolder: join(folder, 'objects') });
  await modules.keep(key, { bytes: result.wasm, text: result.warnings });
  await modules.prune();
  return { ...result, cached: false };
}

async function keyOf(options: BuildOptions): Promise<string> {
  const sources = toBuildSources(options.sources);
  const language = languageOfAll(sources.map(({ path }) => path));
  const [kit, toolchain] = await Promise.all([readGuestKit(), compilerVersion(language)]);
  const hash = createHash('sha256');
  const paths = sources.map(({ path, text }) => [path, text.length]);
  hash.update(JSON.stringify([builder, toolchain, kit.version, toBuildFlags(options.flags), paths]));
  for (const { text } of sources) hash.update(text);
  return hash.digest('hex');
}
