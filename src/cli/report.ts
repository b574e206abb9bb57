/** Errors as people and programs read them on standard error. */
import { FaasmError } from '../../proto/errors.ts';
import { UsageError } from './command.ts';
import { HostError } from './problem.ts';

export function toErrorText(thrown: unknown): string {
  if (thrown instanceof UsageError) return toPrintable(`faasm: ${thrown.message.trimEnd()}\n`);
  if (thrown instanceof FaasmError) {
    return toPrintable(`faasm: ${thrown.located}${toOrigin(thrown)}\n${toDetailText(thrown)}`);
  }
  if (isSystemError(thrown)) return toPrintable(`faasm: ${thrown.message}${toRemedy(thrown)}\n`);
  return toPrintable(`faasm: ${stackOf(thrown)}\n`);
}

export function toErrorJson(thrown: unknown): string {
  if (thrown instanceof UsageError) return `${JSON.stringify({ code: 'usage', message: thrown.message })}\n`;
  const { code, located: message, details } = FaasmError.from(thrown);
  const requestId = thrown instanceof HostError ? thrown.requestId : undefined;
  return `${JSON.stringify({ code, message, ...details, requestId })}\n`;
}

function toOrigin(error: FaasmError): string {
  if (!(error instanceof HostError)) return '';
  return error.requestId === undefined ? ` (${error.code})` : ` (${error.code}, request ${error.requestId})`;
}

function toDetailText({ details }: FaasmError): string {
  const { returnValue, trap, backtrace, stderr, output, outputBase64, droppedChains, retryAfterMs } = details;
  return [
    trap === undefined ? '' : `  trap: ${trap}\n`,
    returnValue === undefined ? '' : `  return value: ${returnValue}\n`,
    block('backtrace', backtrace),
    block('stderr', stderr),
    block('output', output),
    block('output in base64', outputBase64),
    droppedChains === undefined ? '' : `  chained calls not made: ${droppedChains}\n`,
    retryAfterMs === undefined ? '' : `  try again in ${retryAfterMs} ms\n`,
  ].join('');
}

function block(title: string, text: string | undefined): string {
  if (text === undefined || text === '') return '';
  const lines = text.trimEnd().split('\n');
  return `  ${title}:\n${lines.map((line) => `    ${line.trimEnd()}\n`).join('')}`;
}

/** A function's words may hold whatever would drive a terminal; only its text is shown. */
export function toPrintable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');
}

const isSystemError = (thrown: unknown): thrown is NodeJS.ErrnoException =>
  thrown instanceof Error && typeof (thrown as NodeJS.ErrnoException).code === 'string';

const toRemedy = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ERR_MODULE_NOT_FOUND' && message.includes('package')
    ? '; install what Faasm needs with: npm ci'
    : '';

const stackOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
