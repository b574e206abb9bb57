/** msgpack bodies. What arrives is not trusted: sizes are bounded, and a parser says what the value has to be. */
import { Packr } from 'msgpackr';
import { FaasmError } from '../../proto/errors.ts';
import type { Codec } from './port.ts';

/** 1 MiB: a list of 10,000 functions is a tenth of it. */
const messageMaxBytes = 1024 * 1024;

const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** @param parse gives the value as a T, or throws whatever says best what is wrong with it */
export function msgpackCodec<T>(name: string, parse: (value: unknown) => T): Codec<T> {
  return {
    name,
    encode: (value) => packr.pack(value),
    decode(bytes) {
      if (bytes.length > messageMaxBytes) {
        throw new FaasmError(
          'too_large',
          `A ${name} message has at most ${messageMaxBytes} bytes; this one has ${bytes.length}`,
        );
      }
      try {
        return parse(packr.unpack(bytes));
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new FaasmError('bad_message', `Not a ${name} message: ${why}`, { cause });
      }
    },
  };
}
