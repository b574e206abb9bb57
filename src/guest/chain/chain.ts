/** Chaining: calls that a function makes to functions of the same user. */
import type { CallEnd } from '../../../proto/call.ts';
import { answers, type Capability, type Guest, type ImportFunctions, waits } from '../port.ts';

const functionNameMaxBytes = 64;

export const chain: Capability = {
  module: 'env',
  imports: [
    {
      __faasm_chain_function: answers('iii:i'),
      __faasm_chain_name: answers('iii:i'),
      __faasm_chain_ptr: answers('iii:i'),
      __faasm_await_call: waits('i:i'),
      __faasm_await_call_output: waits('iii:i'),
    },
    // The founding forms.
    { __faasm_chain_function: answers('iii:') },
  ],
  open: () => (guest) => ({ functions: createChain(guest) }),
};

function createChain(guest: Guest): ImportFunctions {
  const { memory, call, program } = guest;

  const add = (name: number, input: number, byteLength: number): number =>
    call.chains.add(memory.cStringText(name, functionNameMaxBytes), memory.bytes(input, byteLength));

  const deliverResult = (result: CallEnd, outputPointer: number, lengthPointer: number): number => {
    const { output, returnValue } = result;
    const address = guest.deliver(output);
    const view = memory.view();
    memory.bytes(outputPointer, 4);
    memory.bytes(lengthPointer, 4);
    view.setUint32(outputPointer >>> 0, address, true);
    view.setUint32(lengthPointer >>> 0, output.length, true);
    return returnValue;
  };

  return {
    __faasm_chain_function: add,
    __faasm_chain_name: add,

    /** Calls a function of this module: it starts from the snapshot, as every call, and not from the caller's memory. */
    __faasm_chain_ptr: (index: number, input: number, byteLength: number): number =>
      call.chains.add(program.function, memory.bytes(input, byteLength), {
        index: index >>> 0,
        version: program.version,
      }),

    __faasm_await_call(handle: number): number | Promise<number> {
      const result = call.chains.await(handle);
      return result instanceof Promise ? result.then((settled) => settled.returnValue) : result.returnValue;
    },

    __faasm_await_call_output(
      handle: number,
      output: number,
      length: number,
    ): number | Promise<() => number> {
      const result = call.chains.await(handle);
      return result instanceof Promise
        ? result.then((settled) => () => deliverResult(settled, output, length))
        : deliverResult(result, output, length);
    },
  };
}
