import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';
import { type BusMessage, header } from '../bus/port.ts';

/** The header by which NATS knows a message that it has had before. */
export const messageIdHeader = 'Nats-Msg-Id';

const keyHeaders = [messageIdHeader, 'Idempotency-Key'] as const;
const keyPattern = /^[!-~]{1,255}$/;

/** @throws FaasmError `bad_request` */
export function toIdempotencyKey(text: string): string {
  if (keyPattern.test(text)) return text;
  throw new FaasmError(
    'bad_request',
    `Bad idempotency key ${quote(text)}: it has 1 to 255 printable ASCII characters and no space`,
  );
}

/** Of a message on the bus, if it has one. @throws FaasmError `bad_request` */
export function readIdempotencyKey(message: Pick<BusMessage, 'headers'>): string | undefined {
  if (message.headers === undefined) return undefined;
  for (const name of keyHeaders) {
    const key = header(message, name);
    if (key !== undefined) return toIdempotencyKey(key);
  }
  return undefined;
}

export function keyReused(key: string): FaasmError {
  return new FaasmError(
    'idempotency_key_reused',
    `The idempotency key ${quote(key)} was of another call of this function: give each its own`,
  );
}
