/** The request that a call came as, checked: whoever sends it may have made it up. */
import type { RequestHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { requestHeadersMax } from './limits.ts';

const methodPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const targetPattern = /^\/[!-~\x80-\xff]*$/;
const protocolPattern = /^HTTP\/\d(?:\.\d)?$/;
const headerPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*$/;
const addressPattern = /^[0-9A-Fa-f:.%a-z]{0,64}$/;

/** @throws FaasmError `bad_request` */
export function toRequestHead(value: unknown): RequestHead {
  const { method, target, protocol, headers, address, port } = Object(value) as Record<string, unknown>;
  const isRight =
    fits(method, methodPattern) &&
    fits(target, targetPattern) &&
    fits(protocol, protocolPattern) &&
    fits(address, addressPattern) &&
    Number.isInteger(port) &&
    Array.isArray(headers) &&
    headers.length <= requestHeadersMax &&
    headers.every((line) => fits(line, headerPattern));
  if (isRight) return { method, target, protocol, headers, address, port } as RequestHead;
  throw new FaasmError(
    'bad_request',
    `${names.request} has method, target, protocol, headers (${requestHeadersMax} at most), address and port of a request`,
  );
}

/** @param json of the header on the bus @throws FaasmError `bad_request` */
export function readRequestHead(json: string): RequestHead {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // What it should be is said there.
  }
  return toRequestHead(value);
}

function fits(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
