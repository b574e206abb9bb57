/** What goes wrong on every bus, in the same words. */
import { FaasmError } from '../../proto/errors.ts';

export function busClosed(): FaasmError {
  return new FaasmError('draining', 'The bus is closed');
}

export function noResponders(subject: string): FaasmError {
  return new FaasmError('no_responders', `Nobody subscribes to ${subject}`);
}

export function tooLarge(subject: string, bytes: number, maxBytes: number): FaasmError {
  return new FaasmError(
    'too_large',
    `A message of ${bytes} bytes to ${subject}: the bus takes at most ${maxBytes}; send it in parts`,
  );
}
