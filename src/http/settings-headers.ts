/** What a program is started with, from the headers of a request to those of a message. */
import type { IncomingMessage } from 'node:http';
import { settingsHeaders } from '../../proto/headers.ts';

type Name = keyof typeof settingsHeaders;

const uploadNames = Object.keys(settingsHeaders) as Name[];
/** A call has no working directory of its own, and no runtime. */
const callNames = uploadNames.filter((name) => name !== 'cwd' && name !== 'runtime');

export function toSettingsHeaders(req: IncomingMessage): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  for (const name of uploadNames) copy(req, name, headers);
  return headers;
}

/** Adds those of a call, which most have not. */
export function addCallArguments(req: IncomingMessage, headers: Record<string, readonly string[]>): void {
  const { 'x-faasm-arg': arg, 'x-faasm-env': env, 'x-faasm-settings': settings } = req.headers;
  if (arg === undefined && env === undefined && settings === undefined) return;
  for (const name of callNames) copy(req, name, headers);
}

function copy(req: IncomingMessage, name: Name, headers: Record<string, readonly string[]>): void {
  const values = req.headersDistinct[`x-${settingsHeaders[name].toLowerCase()}`];
  if (values !== undefined) headers[settingsHeaders[name]] = values.map(fromWire);
}

/** Node gives each byte as a character; people send UTF-8. */
function fromWire(value: string): string {
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? value : text;
}
