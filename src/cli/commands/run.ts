import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fromCallError } from '../../../proto/call.ts';
import { FaasmError } from '../../../proto/errors.ts';
import { quote } from '../../../proto/names.ts';
import { languageOf } from '../../build/language.ts';
import type { OnLeftOut } from '../../run/load-folder.ts';
import { buildOptions, buildSources } from '../build-sources.ts';
import { defineCommand, UsageError, type World } from '../command.ts';
import { toHostConfig } from '../host-config.ts';
import { asUsage } from '../operands.ts';
import { toErrorText, toPrintable } from '../report.ts';
import { settingsOptions, toSettings } from '../settings.ts';

/** Of a program that trapped, as of one that was aborted. */
const trapStatus = 134;
/** Files, folders and links of all folders that are given; the library of an interpreter has some thousands. */
const entriesMax = 100_000;
const foldersMaxBytes = 1024 ** 3;
const leftOutShownMax = 20;

export const run = defineCommand({
  usage: '<file.wasm | source> [--env <name>=<value>] [--dir <folder>::<path>] [-- <argument> …]',
  about: [
    'Runs a module here, without a host: a WASI command, a reactor or a function of Faasm. Standard input, output and',
    'error are its own, and so is the exit status; 134 when it trapped. Folders are copied into its file system, from',
    'where nothing of the disk can be reached; with neither a folder nor --cwd it has none. FAASM_MEMORY_MAX_MIB and',
    'FAASM_FILES_MAX_BYTES limit it as in a host. With --invoke the arguments are numbers that are given to an exported',
    'function, and the numbers that it returns are put out, a line each; a negative one is written after --.',
  ].join('\n'),
  operands: [1, Number.POSITIVE_INFINITY],
  passesOn: true,
  options: {
    argv0: settingsOptions.argv0,
    env: settingsOptions.env,
    dir: {
      type: 'text',
      value: 'folder[::path]',
      multiple: true,
      about: 'a folder that it sees, at that path; its changes are forgotten',
    },
    'dir-rw': {
      type: 'text',
      value: 'folder[::path]',
      multiple: true,
      about: 'the same; what it changes is written back when it has ended',
    },
    cwd: settingsOptions.cwd,
    invoke: { type: 'text', value: 'export', about: 'call this function, in place of running the program' },
    ...buildOptions,
  },
  async run({ operands: [path, ...args], options, passedOn, world }) {
    const [{ checkMounts, toMount }, { loadFolder }, { runProgram }, { writeBack }, tree] = await Promise.all(
      [
        import('../../run/mounts.ts'),
        import('../../run/load-folder.ts'),
        import('../../run/run-program.ts'),
        import('../../run/write-back.ts'),
        import('../../guest/wasi/tree.ts'),
      ],
    );
    const { argv0, env, cwd, invoke: name } = options;
    const given = [...args, ...passedOn];
    const settings = toSettings({ argv0, arg: name === undefined ? given : [], env, cwd });
    const mounts = asUsage(() => {
      const folders = [
        ...(options.dir ?? []).map((text) => toMount(text, false)),
        ...(options['dir-rw'] ?? []).map((text) => toMount(text, true)),
      ];
      checkMounts(folders);
      return folders;
    });
    const { config } = toHostConfig({}, world);
    const { filesMaxBytes, openFiles, ...moduleLimits } = config.run;
    const streams = await world.guestStreams(config);
    const module = await toModule(path!, config.run.moduleMaxBytes, options, world);
    const limits = { bytesMax: foldersMaxBytes, entriesMax };
    const leftOut = toldLeftOut(world);
    const files =
      mounts.length === 0 && cwd === undefined
        ? undefined
        : tree.createFileTree(
            mounts.flatMap(({ folder, at }) => loadFolder(folder, at, limits, leftOut.add)),
            BigInt(Date.now()) * 1_000_000n,
            mounts.some(({ at }) => at === '') ? [] : ['tmp'],
          );
    leftOut.end();
    const end = await runProgram({
      name: toProgramName(path!),
      module,
      settings,
      invoke: name === undefined ? undefined : { name, parameters: given },
      files,
      streams,
      limits: {
        ...moduleLimits,
        files: { bytes: filesMaxBytes, inodes: entriesMax, openFiles },
      },
    });
    for (const { folder, at, writable } of mounts) {
      if (writable) writeBack(folder, end.tree.changesIn(at));
    }
    for (const result of end.results) world.stdout.write(`${result}\n`);
    if (end.error === undefined) return toExitStatus(end.returnValue);
    world.stderr.write(toErrorText(fromCallError(end.error)));
    return trapStatus;
  },
});

/** Says what of a folder a program does not see: the first, and how many more. */
function toldLeftOut({ stderr }: World): { add: OnLeftOut; end(): void } {
  let count = 0;
  return {
    add(path, why) {
      count++;
      const shown = toPrintable(path).replaceAll('\n', '?');
      if (count <= leftOutShownMax) stderr.write(`faasm: left out ${shown}: ${why}\n`);
    },
    end() {
      if (count > leftOutShownMax) stderr.write(`faasm: left out ${count - leftOutShownMax} more\n`);
    },
  };
}

/** As the system has it, one byte; and never 0 for a failure. */
function toExitStatus(returnValue: number): number {
  return returnValue === 0 ? 0 : returnValue & 0xff || 1;
}

async function toModule(
  path: string,
  maxBytes: number,
  options: Parameters<typeof buildSources>[0]['options'],
  world: World,
): Promise<Uint8Array<ArrayBuffer>> {
  if (languageOf(path) !== undefined)
    return (await buildSources({ paths: [path], options, extra: [] }, world)).wasm;
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new FaasmError('not_found', `Cannot read ${quote(path)}: ${reason}`, { cause });
  });
  if (found.isDirectory()) throw new UsageError(`${quote(path)} is a folder, not a module`);
  if (found.size > maxBytes) {
    throw new FaasmError(
      'too_large',
      `${quote(path)} has ${found.size} bytes and may have ${maxBytes}; raise FAASM_MODULE_MAX_BYTES`,
    );
  }
  return new Uint8Array(await readFile(path));
}

/** The file's own, fit to be a function's. */
function toProgramName(path: string): string {
  const name = basename(path, extname(path)).replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return name.slice(0, 64) || 'program';
}
