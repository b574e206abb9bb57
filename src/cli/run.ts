/** From the arguments of the `faasm` command to its exit status: 0 done, 1 failed, 2 wrong usage; or that of a program. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../proto/names.ts';
import { didYouMean } from '../nearest.ts';
import { packageRoot } from '../package-root.ts';
import { UsageError, type World } from './command.ts';
import { commands } from './commands.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';
import { parseArguments } from './parse.ts';
import { toErrorJson, toErrorText } from './report.ts';

/** @param args as they stand after the program's name */
export async function runCli(args: readonly string[], world: World): Promise<number> {
  const { name, rest } = splitName(args);
  try {
    return await runCommand(name, rest, world);
  } catch (thrown) {
    if (beforeTerminator(rest).includes('--json')) world.stderr.write(toErrorJson(thrown));
    else world.stderr.write(`${toErrorText(thrown)}${await usageAfter(thrown, name)}`);
    return thrown instanceof UsageError ? 2 : 1;
  }
}

async function usageAfter(thrown: unknown, name: string): Promise<string> {
  const entry = commands.get(name);
  if (!(thrown instanceof UsageError) || entry === undefined) return '';
  return `Usage: faasm ${name} ${(await entry.load()).usage}; --help tells more\n`;
}

async function runCommand(name: string, rest: readonly string[], world: World): Promise<number> {
  const entry = commands.get(name);
  if (entry === undefined) {
    world.stdout.write(await answerWithoutCommand(name, rest));
    return 0;
  }
  const command = await entry.load();
  if (asksForHelp(beforeTerminator(rest))) {
    world.stdout.write(commandHelp(name, entry.summary, command));
    return 0;
  }
  return (await command.run({ ...parseArguments(command, rest), world })) ?? 0;
}

/** What is said where no command is named, or a group of them. @throws UsageError */
async function answerWithoutCommand(name: string, rest: readonly string[]): Promise<string> {
  if (name === '--version' || name === '-v') return `${await version()}\n`;
  if (name === '--help' || name === '-h') return programHelp();
  if (name === 'help') {
    const wanted = rest.join(' ');
    if (wanted === '') return programHelp();
    const entry = commands.get(wanted);
    return entry === undefined ? helpOfGroup(wanted) : commandHelp(wanted, entry.summary, await entry.load());
  }
  if (name === '') throw new UsageError(`Which command?\n\n${programHelp()}`);
  if (asksForHelp(rest)) return helpOfGroup(name);
  const group = groupHelp(name);
  if (group !== undefined) throw new UsageError(`Which of these?\n\n${group}`);
  throw unknownCommand(name);
}

function helpOfGroup(name: string): string {
  const help = groupHelp(name);
  if (help === undefined) throw unknownCommand(name);
  return help;
}

/** A command's name has one word or two. */
function splitName(args: readonly string[]): { name: string; rest: readonly string[] } {
  const twoWords = args.slice(0, 2).join(' ');
  if (commands.has(twoWords)) return { name: twoWords, rest: args.slice(2) };
  return { name: args[0] ?? '', rest: args.slice(1) };
}

function beforeTerminator(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end < 0 ? args : args.slice(0, end);
}

const asksForHelp = (args: readonly string[]): boolean => args.includes('--help') || args.includes('-h');

const unknownCommand = (name: string): UsageError =>
  new UsageError(
    `There is no command ${quote(name)}; faasm --help lists them${didYouMean(name, [...commands.keys()])}`,
  );

async function version(): Promise<string> {
  const json = await readFile(join(packageRoot, 'package.json'), 'utf8');
  return (JSON.parse(json) as { version: string }).version;
}
