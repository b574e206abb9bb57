/** A call of a function of the module's table, as a program chains it; all other calls go another way. */
import { FaasmError } from '../../../proto/errors.ts';
import type { Entry, Instance } from '../instance.ts';
import type { Way } from './way.ts';

export function orByPointer(instance: Instance, other: Way): Way {
  return {
    ...other,
    begin: (call, found) =>
      call.pointer === undefined && other.begin !== undefined ? other.begin(call, found) : found,
    enter: (call) => (call.pointer === undefined ? other.enter(call) : callElement(instance, call.pointer)),
  };
}

/** And then the destructors, which write out what streams of libc hold. */
async function callElement(instance: Instance, index: number): Promise<unknown> {
  const { exports } = instance;
  const table = Object.values(exports).find((exported) => exported instanceof WebAssembly.Table);
  const found: unknown = table !== undefined && index < table.length ? table.get(index) : undefined;
  if (typeof found !== 'function') {
    const why = table === undefined ? 'exports no table' : `has no function at ${index} of its table`;
    throw new FaasmError('chain_refused', `The module ${why}, which was chained by pointer`);
  }
  const returned = await instance.enter(found as Entry)(...new Array<number>(found.length).fill(0));
  if (typeof exports.__wasm_call_dtors === 'function') await instance.function('__wasm_call_dtors')();
  return returned;
}
