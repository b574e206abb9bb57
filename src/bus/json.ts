/** JSON bodies, for what people read with the `nats` command. What arrives is not trusted: a parser says what it has to be. */
import { FaasmError } from '../../proto/errors.ts';
import type { Codec } from './port.ts';

/** 1 MiB, as a msgpack message may have. */
const messageMaxBytes = 1024 * 1024;

/** A list, each of its values on a line of its own. */
export function jsonLinesCodec<T>(name: string, parse: (value: unknown) => T): Codec<readonly T[]> {
  return {
    name,
    encode: (values) => Buffer.from(values.map((value) => JSON.stringify(value)).join('\n')),
    decode: (bytes) =>
      read(name, bytes, (text) =>
        text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => parse(JSON.parse(line))),
      ),
  };
}

function read<T>(name: string, bytes: Uint8Array, parse: (text: string) => T): T {
  if (bytes.length > messageMaxBytes) {
    const why = `A ${name} message has at most ${messageMaxBytes} bytes; this one has ${bytes.length}`;
    throw new FaasmError('too_large', why);
  }
  try {
    return parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FaasmError('bad_message', `Not a ${name} message: ${why}`, { cause });
  }
}
