import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** The header by which NATS knows a message that it has had before. */
export const messageIdHeader = 'Nats-Msg-Id';

const keyPattern = /^[!-~]{1,255}$/;

/** @throws FaasmError `bad_request` */
export function toIdempotencyKey(text: string): string {
  if (keyPattern.test(text)) return text;
  throw new FaasmError(
    'bad_request',
    `Bad Idempotency-Key ${quote(text)}: it has 1 to 255 printable ASCII characters and no space`,
  );
}
