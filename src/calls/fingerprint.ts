/** What makes a call the one that its idempotency key is of: its input, and what is said of it beside. */
import { createHash } from 'node:crypto';
import { headers as names, settingsHeaders } from '../../proto/headers.ts';
import type { BusMessage } from '../bus/port.ts';
import { header, toBytes } from '../bus/port.ts';
import { readRequestHead } from './request-head.ts';

const told = [
  settingsHeaders.arg,
  settingsHeaders.env,
  settingsHeaders.settings,
  names.input,
  names.output,
] as const;

/** @throws FaasmError `bad_request` */
export function toFingerprint(message: BusMessage): string {
  const request = header(message, names.request);
  const { method, target } = request === undefined ? {} : readRequestHead(request);
  const said = [told.map((name) => message.headers?.[name] ?? []), method, target];
  return createHash('sha256')
    .update(`${JSON.stringify(said)}\n`)
    .update(toBytes(message.body))
    .digest('hex');
}
