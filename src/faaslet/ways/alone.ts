/** The ways of a program that is run without a host: with the streams of its process, and any of its exports. */
import type { WasiCall } from '../../guest/wasi/wasi.ts';
import type { Instance } from '../instance.ts';
import type { Way } from './way.ts';

/** In place of a call's input, output and kept standard error. */
export type Streams = Pick<WasiCall, 'stdin' | 'stdout' | 'stderr'>;

export function withStreams(streams: Streams, way: Way): Way {
  return { ...way, begin: (call, found) => ({ ...(way.begin?.(call, found) ?? found), ...streams }) };
}

/** @param returned is told what the entry gives, which is no return value of a call */
export function byInvocation(
  instance: Instance,
  parameters: readonly (number | bigint)[],
  returned: (results: unknown) => void,
): Way {
  const entry = instance.function(instance.program.layout.entry);
  return {
    enter() {
      const results = entry(...parameters);
      if (results instanceof Promise) return results.then(returned);
      return returned(results);
    },
  };
}
