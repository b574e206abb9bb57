import { parseArgs } from 'node:util';
import { didYouMean } from '../nearest.ts';
import { type Command, type Invocation, UsageError } from './command.ts';

/** @param args as they stand after the command's name @throws UsageError */
export function parseArguments(command: Command, args: readonly string[]): Omit<Invocation, 'world'> {
  const end = command.passesOn === true ? args.indexOf('--') : -1;
  const { values, positionals } = parse(command, end < 0 ? args : args.slice(0, end));
  const [min, max] = command.operands;
  if (positionals.length < min)
    throw new UsageError(`${nameOperand(command, positionals.length)} is missing`);
  if (positionals.length > max) {
    throw new UsageError(`${JSON.stringify(positionals[max])} is one argument too many`);
  }
  return {
    operands: positionals,
    options: values as Invocation['options'],
    passedOn: end < 0 ? [] : args.slice(end + 1),
  };
}

function parse(command: Command, args: readonly string[]) {
  const options = Object.entries(command.options).map(([name, { type, short, multiple }]) => [
    name,
    {
      type: type === 'switch' ? 'boolean' : 'string',
      ...(short !== undefined && { short }),
      ...(multiple !== undefined && { multiple }),
    } as const,
  ]);
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options), allowPositionals: true });
  } catch (thrown) {
    throw new UsageError(toComplaint(thrown as NodeJS.ErrnoException, command), { cause: thrown });
  }
}

/** As the usage has it: the operands stand before the options. */
function nameOperand({ usage }: Command, index: number): string {
  const words = usage.match(/(?:<[^>]*>|\([^)]*\)|\[[^\]]*\]|\/)+/g) ?? [];
  return words[index] ?? 'An argument';
}

function toComplaint({ code, message }: NodeJS.ErrnoException, { options }: Command): string {
  const unknown = /^Unknown option '(--?)([^']*)'/.exec(message);
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || unknown === null) return message;
  const [said, dashes, name] = unknown;
  const names = Object.keys(options);
  return said + (dashes === '--' ? didYouMean(name!, names, (option) => `--${option}`) : '');
}
