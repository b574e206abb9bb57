import type { Command, Option } from './command.ts';
import { commands } from './commands.ts';

export function programHelp(): string {
  return [
    'Faasm: serverless functions as WebAssembly.',
    '',
    'Usage: faasm <command> [options]',
    '',
    ...listed([...commands].map(([name, { summary }]) => [name, summary])),
    '',
    'faasm <command> --help tells of one command; faasm --version gives the version.',
    'A host takes each setting from its flag, else from the environment (FAASM_HTTP_PORT for --http-port), else',
    'from the file of --config, else its default: faasm start --help lists the settings.',
    'The other commands ask the host at --url, else at FAASM_URL, else at http://localhost:8001.',
    'Results are on standard output, all else on standard error. Exit status: 0 done, 1 failed, 2 wrong usage.',
    '',
  ].join('\n');
}

/** Of the commands whose first word this is; nothing where there are none. */
export function groupHelp(word: string): string | undefined {
  const group = [...commands].filter(([name]) => name.startsWith(`${word} `));
  if (group.length === 0) return undefined;
  return [
    `Usage: faasm ${word} <command> [options]`,
    '',
    ...listed(group.map(([name, { summary }]) => [name, summary])),
    '',
  ].join('\n');
}

export function commandHelp(name: string, summary: string, command: Command): string {
  const options = Object.entries(command.options).map(([long, option]) => [
    flagText(long, option),
    option.about,
  ]);
  return [
    `faasm ${name}: ${summary}.`,
    '',
    `Usage: faasm ${name} ${command.usage}`,
    '',
    ...(command.about === '' ? [] : [command.about, '']),
    ...listed([...options, ['-h, --help', 'this text']] as [string, string][]),
    '',
  ].join('\n');
}

function flagText(long: string, { short, value }: Option): string {
  const flag = short === undefined ? `--${long}` : `-${short}, --${long}`;
  return value === undefined ? flag : `${flag} <${value}>`;
}

function listed(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
