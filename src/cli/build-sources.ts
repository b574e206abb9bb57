/** Builds from files on disk, with progress and what was built before; shared by the commands that compile. */
import { basename } from 'node:path';
import type { BuildResult, Optimization } from '../build/options.ts';
import { type Given, type Options, UsageError, type World } from './command.ts';
import { toHostConfig } from './host-config.ts';
import { createProgress } from './progress.ts';
import { userCacheFolder } from './user-cache-folder.ts';

export const buildOptions = {
  optimize: { type: 'text', short: 'O', value: 'n', about: '0, 1, 2, 3, s or z; 3 if not given' },
  define: { type: 'text', short: 'D', value: 'name[=value]', multiple: true, about: 'define a macro' },
  include: { type: 'text', short: 'I', value: 'folder', multiple: true, about: 'look for headers there' },
} as const satisfies Options;

export interface SourcesToBuild {
  readonly paths: readonly string[];
  readonly options: Given<typeof buildOptions>;
  /** More flags for the compiler and linker. */
  readonly extra: readonly string[];
  /** A file to write the module to. */
  readonly output?: string;
}

/** @throws UsageError; FaasmError with the compiler's own message */
export async function buildSources(
  { paths, options, extra, output }: SourcesToBuild,
  world: World,
): Promise<BuildResult> {
  const [{ readSources }, { buildCached }, { stopToolchain }] = await Promise.all([
    import('../build/read-sources.ts'),
    import('../build/build-cached.ts'),
    import('../build/build-module.ts'),
  ]);
  const { sources, includes } = await readSources(paths, options.include);
  const optimize = toOptimization(options.optimize ?? '3');
  using progress = createProgress(world.stderr);
  try {
    const { build } = toHostConfig({}, world).config;
    const result = await buildCached({
      sources,
      cacheFolder: build.cacheFolder ?? userCacheFolder(world.environment),
      stepMaxMs: build.stepMaxMs,
      flags: { optimize, defines: options.define ?? [], includes, extra },
      onProgress: (stage, detail) => progress.show(`${stage} ${basename(detail)}`.trimEnd()),
      ...(output !== undefined && { output }),
    });
    if (result.warnings !== '') progress.note(result.warnings);
    return result;
  } finally {
    await stopToolchain();
  }
}

function toOptimization(text: string): Optimization {
  if (/^[0-3sz]$/.test(text)) return text as Optimization;
  throw new UsageError(`-O is followed by 0, 1, 2, 3, s or z, not ${JSON.stringify(text)}`);
}
