/**
 * Builds that are remembered by what went into them. A hit costs a few milliseconds and does not start the toolchain.
 *
 *     <cacheFolder>/<sha256 of the build>.wasm    the module
 *     <cacheFolder>/<sha256 of the build>.txt     its warnings, where there are any
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { join, resolve } from 'node:path';
import { buildModule, writeModule } from './build-module.ts';
import { readGuestKit } from './guest-kit.ts';
import { type Language, languageOfAll } from './language.ts';
import { type BuildOptions, type BuildResult, toBuildFlags, toBuildSources } from './options.ts';

export interface CachedBuildOptions extends BuildOptions {
  /** Made when it is not there. */
  readonly cacheFolder: string;
}

export interface CachedBuildResult extends BuildResult {
  /** It was there already. */
  readonly cached: boolean;
}

/** The modules used longest ago beyond these are deleted. */
const keptMax = 500;

/** Changes when the same input would be built into something else by other code of this folder. */
const builder = 2;

const running = new Map<string, Promise<CachedBuildResult>>();

/** As buildModule(). @throws FaasmError as buildModule() does */
export async function buildCached(options: CachedBuildOptions): Promise<CachedBuildResult> {
  const file = join(resolve(options.cacheFolder), await keyOf(options));
  let build = running.get(file);
  if (build === undefined) {
    build = buildOnce(options, file).finally(() => running.delete(file));
    running.set(file, build);
  }
  const result = await build;
  if (options.output !== undefined) await writeModule(options.output, result.wasm);
  return result;
}

async function buildOnce(options: CachedBuildOptions, file: string): Promise<CachedBuildResult> {
  const found = await lookUp(file);
  if (found !== undefined) return { ...found, cached: true };
  const { output: _, ...rest } = options;
  const result = await buildModule(rest);
  await keep(options.cacheFolder, file, result);
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

const compilers: Readonly<Record<Language, string>> = {
  C: '@yowasp/clang',
  AssemblyScript: 'assemblyscript',
  'WebAssembly text': 'wabt',
};
const versions = new Map<Language, Promise<string>>();

function compilerVersion(language: Language): Promise<string> {
  const known = versions.get(language);
  if (known !== undefined) return known;
  const name = compilers[language];
  const json = findPackageJSON(name, import.meta.url)!;
  const version = readFile(json, 'utf8').then((text) => `${name} ${JSON.parse(text).version}`);
  versions.set(language, version);
  return version;
}

async function lookUp(file: string): Promise<BuildResult | undefined> {
  try {
    const wasm = new Uint8Array(await readFile(`${file}.wasm`));
    const warnings = await readFile(`${file}.txt`, 'utf8').catch(() => '');
    const now = new Date();
    await utimes(`${file}.wasm`, now, now).catch(() => {});
    return { wasm, warnings };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function keep(folder: string, file: string, { wasm, warnings }: BuildResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (warnings !== '') await replace(`${file}.txt`, warnings);
  await replace(`${file}.wasm`, wasm);
  await prune(folder);
}

/** Whoever reads it sees all of it or nothing. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  await rename(draft, path);
}

async function prune(folder: string): Promise<void> {
  const modules = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.wasm$/.test(name));
  if (modules.length <= keptMax) return;
  const used = await Promise.all(
    modules.map(async (name) => ({
      name,
      atMs: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  used.sort((one, two) => one.atMs - two.atMs);
  for (const { name } of used.slice(0, used.length - keptMax)) {
    await rm(join(folder, name), { force: true });
    await rm(join(folder, name.replace(/wasm$/, 'txt')), { force: true });
  }
}
