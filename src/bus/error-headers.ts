/** Errors as answers on the bus. */
import { type ErrorDetails, FaasmError, isErrorCode } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { headersSize } from './headers.ts';
import { type Bus, type BusMessage, emptyBody, header, respond, toBytes } from './port.ts';
import { toErrorHeaders } from './to-error-headers.ts';

/**
 * The error that a message carries, or nothing when it is an ordinary answer. Its body is what a call had put out
 * before it failed.
 */
export function fromErrorHeaders(message: Pick<BusMessage, 'headers' | 'body'>): FaasmError | undefined {
  if (message.headers === undefined) return undefined;
  const text = header(message, names.serviceError);
  if (text === undefined) return undefined;
  const code = header(message, names.errorCode) ?? '';
  return new FaasmError(isErrorCode(code) ? code : 'internal', text, {
    details: parseDetails(header(message, names.errorDetails)),
    output: toBytes(message.body),
  });
}

export function respondError(bus: Bus, message: BusMessage, thrown: unknown): void {
  const error = FaasmError.from(thrown);
  const traceparent = message.headers?.[names.traceparent];
  const headers = {
    ...toErrorHeaders(error),
    ...(traceparent !== undefined && { [names.traceparent]: traceparent }),
  };
  const { output = emptyBody } = error;
  // The error is what matters: an output that has no room beside it stays behind.
  const fits = message.answer !== undefined || output.length + headersSize(headers) <= bus.maxPayloadBytes;
  respond(bus, message, fits ? output : emptyBody, headers);
}

/** The answer itself, once it is known to be one. @throws the FaasmError that the answer carries */
export function expectAnswer(message: BusMessage): BusMessage {
  const error = fromErrorHeaders(message);
  if (error !== undefined) throw error;
  return message;
}

function parseDetails(json: string | undefined): ErrorDetails {
  if (json === undefined) return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as ErrorDetails) : {};
  } catch {
    return {};
  }
}
