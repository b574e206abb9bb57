/** An error as the headers of an answer: those of the NATS services convention, with our code and details beside them. */
import type { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import type { Headers } from './port.ts';

/** In characters: what is left of a message where the whole of it does not fit. */
const shortMaxLength = 256;

export function toErrorHeaders(error: FaasmError): Headers {
  const { details, message } = error;
  return {
    ...toHead(error, message),
    ...(Object.keys(details).length > 0 && { [names.errorDetails]: [JSON.stringify(details)] }),
  };
}

/** For a bus that takes no more: the code, and how the message begins. */
export function toShortErrorHeaders(error: FaasmError): Headers {
  return toHead(error, error.message.slice(0, shortMaxLength));
}

function toHead({ http, code }: FaasmError, message: string): Headers {
  return {
    [names.serviceError]: [message.replaceAll(/[\r\n]+/g, ' ')],
    [names.serviceErrorCode]: [String(http)],
    [names.errorCode]: [code],
  };
}
