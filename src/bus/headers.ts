/**
 * Header blocks as the NATS protocol writes them:
 *
 *     NATS/1.0[ <status>[ <description>]]\r\n
 *     <name>: <value>\r\n   (as often as a name has values)
 *     \r\n
 *
 * A status becomes the headers `Status` and `Description`, and these become a status again.
 * Headers that came as bytes leave as the same bytes.
 */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { type Headers, statusHeader } from './port.ts';

const descriptionHeader = 'Description';
const preamble = 'NATS/1.0';

const received = new WeakMap<Headers, Uint8Array>();

/** What is not a header is skipped; nothing is refused. */
export function decodeHeaders(block: Uint8Array): Headers {
  const [first = '', ...lines] = Buffer.from(block.buffer, block.byteOffset, block.length)
    .toString('utf8')
    .split('\r\n');
  const values = new Map<string, string[]>();
  const status = /^NATS\/1\.0\s+(\d{3})(?:\s+(.*))?$/.exec(first);
  if (status !== null) {
    values.set(statusHeader, [status[1]!]);
    if (status[2]) values.set(descriptionHeader, [status[2].trim()]);
  }
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  const headers: Headers = Object.fromEntries(values);
  received.set(headers, block);
  return headers;
}

/** @throws FaasmError `bad_request` for a name or a value that would break the block */
export function encodeHeaders(headers: Headers): Uint8Array {
  const known = received.get(headers);
  if (known !== undefined) return known;
  checkHeaders(headers);
  const status = toStatus(headers);
  let text = preamble;
  if (status !== undefined) text += ` ${status.code}${status.description && ` ${status.description}`}`;
  text += '\r\n';
  for (const [name, values] of Object.entries(headers)) {
    if (status !== undefined && (name === statusHeader || name === descriptionHeader)) continue;
    for (const value of values) text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'utf8');
}

export function toStatus(headers: Headers): { code: number; description: string } | undefined {
  const code = headers[statusHeader]?.[0];
  if (code === undefined || !/^[1-9]\d\d$/.test(code)) return undefined;
  return { code: Number(code), description: headers[descriptionHeader]?.[0] ?? '' };
}

/** The bytes of the block, a character counted as one byte. */
export function headersSize(headers: Headers): number {
  let size = preamble.length + 4;
  for (const name in headers) {
    for (const value of headers[name]!) size += name.length + value.length + 4;
  }
  return size;
}

/** @throws FaasmError `bad_request` */
export function checkHeaders(headers: Headers): void {
  for (const name in headers) {
    if (!/^[!-9;-~]+$/.test(name)) {
      throw new FaasmError(
        'bad_request',
        `Bad header name ${quote(name)}: use printable ASCII without a colon`,
      );
    }
    for (const value of headers[name]!) {
      if (/[\r\n]/.test(value)) {
        throw new FaasmError('bad_request', `Bad value of header ${name}: it has a line break`);
      }
    }
  }
}
