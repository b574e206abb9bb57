/**
 * What a client hears that speaks HTTP/2 without having asked: to its first request, 505 with a problem, and that the
 * connection ends (RFC 9113). The frames are always the same, so nothing has to be read of what it sent.
 */
import { FaasmError } from '../../proto/errors.ts';
import { toProblem } from './problem.ts';

const types = { data: 0x0, headers: 0x1, settings: 0x4, goAway: 0x7 } as const;
const flags = { none: 0, endStream: 0x1, ack: 0x1, endHeaders: 0x4 } as const;
const firstStream = 1;

const status = 505;
const error = new FaasmError(
  'bad_request',
  'This port speaks HTTP/1.1, and no HTTP/2 without asking for it first',
);
const body = Buffer.from(`${JSON.stringify(toProblem(error, { status }))}\n`);

/** Literal fields, never indexed, with names of the static table (RFC 7541, section 6.2.2 and appendix A). */
const head = Buffer.concat([
  toField(Buffer.of(0x08), String(status)),
  toField(Buffer.of(0x0f, 31 - 15), 'application/problem+json'),
]);

export const http2Refusal = Buffer.concat([
  toFrame(types.settings, flags.none, 0, Buffer.alloc(0)),
  toFrame(types.settings, flags.ack, 0, Buffer.alloc(0)),
  toFrame(types.headers, flags.endHeaders, firstStream, head),
  toFrame(types.data, flags.endStream, firstStream, body),
  // The last stream that was looked at, and no error.
  toFrame(types.goAway, flags.none, 0, Buffer.concat([toUint32(firstStream), toUint32(0)])),
]);

function toField(name: Uint8Array, value: string): Buffer {
  return Buffer.concat([name, Buffer.of(value.length), Buffer.from(value)]);
}

function toFrame(type: number, flag: number, stream: number, payload: Uint8Array): Buffer {
  const length = toUint32(payload.length).subarray(1);
  return Buffer.concat([length, Buffer.of(type, flag), toUint32(stream), payload]);
}

function toUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
