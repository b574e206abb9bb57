/** Chaining: calls that a function makes to functions of the same user. */

import type { CallContext, ChainedResult } from '../call-context.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ImportFunctions } from '../port.ts';
import { deliver, type Malloc } from './deliver.ts';

const functionNameMaxBytes = 64;

export function createChain(
  memory: GuestMemory,
  context: CallContext,
  own: { readonly function: string; readonly version: string },
  allocate: () => Malloc,
): ImportFunctions {
  const chain = (name: number, input: number, byteLength: number): number =>
    context.chain(memory.cStringText(name, functionNameMaxBytes), memory.bytes(input, byteLength));

  const deliverResult = (result: ChainedResult, outputPointer: number, lengthPointer: number): number => {
    const { output, returnValue } = result;
    const address = deliver(memory, allocate(), output);
    const view = memory.view();
    memory.bytes(outputPointer, 4);
    memory.bytes(lengthPointer, 4);
    view.setUint32(outputPointer >>> 0, address, true);
    view.setUint32(lengthPointer >>> 0, output.length, true);
    return returnValue;
  };

  return {
    __faasm_chain_function: chain,
    __faasm_chain_name: chain,

    /** Calls a function of this module: it starts from the snapshot, as every call, and not from the caller's memory. */
    __faasm_chain_ptr: (index: number, input: number, byteLength: number): number =>
      context.chain(own.function, memory.bytes(input, byteLength), {
        index: index >>> 0,
        version: own.version,
      }),

    __faasm_await_call(handle: number): number | Promise<number> {
      const result = context.awaitCall(handle);
      return result instanceof Promise ? result.then((settled) => settled.returnValue) : result.returnValue;
    },

    __faasm_await_call_output(
      handle: number,
      output: number,
      length: number,
    ): number | Promise<() => number> {
      const result = context.awaitCall(handle);
      return result instanceof Promise
        ? result.then((settled) => () => deliverResult(settled, output, length))
        : deliverResult(result, output, length);
    },
  };
}
