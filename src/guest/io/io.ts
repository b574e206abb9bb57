/** Input, output and configuration, as a guest asks for them. */
import { answers, type Capability, type Guest, type ImportFunctions } from '../port.ts';

/** A configuration value's name has at most so many bytes. */
const configNameMaxBytes = 256;

export const io: Capability = {
  module: 'env',
  imports: [
    {
      __faasm_read_input: answers('ii:i'),
      __faasm_write_output: answers('ii:'),
      __faasm_read_config: answers('iii:i'),
    },
    // The founding forms.
    { __faasm_read_config: answers('ii:') },
  ],
  open:
    ({ config }) =>
    (guest) => ({ functions: createIo(guest, config) }),
};

function createIo(
  { memory, call }: Pick<Guest, 'memory' | 'call'>,
  config: ReadonlyMap<string, string>,
): ImportFunctions {
  return {
    /** Copies as much of the input as fits; gives the size of all of it. */
    __faasm_read_input(buffer: number, byteLength: number): number {
      const { input } = call;
      const wanted = Math.min(byteLength >>> 0, input.length);
      if (wanted > 0)
        memory.bytes(buffer, wanted).set(wanted === input.length ? input : input.subarray(0, wanted));
      return input.length;
    },

    __faasm_write_output(data: number, byteLength: number): void {
      call.output.set(memory.bytes(data, byteLength));
    },

    /**
     * Copies as much of the value as fits, ended by a NUL where there is room; gives its size, or -1 without one.
     * The founding form knows no size, and has an empty text for no value.
     */
    __faasm_read_config(name: number, buffer: number, byteLength?: number): number {
      const value = config.get(memory.cStringText(name, configNameMaxBytes));
      if (value === undefined && byteLength !== undefined) return -1;
      const text = Buffer.from(`${value ?? ''}\0`, 'utf8');
      const bytes = byteLength === undefined ? text : text.subarray(0, byteLength >>> 0);
      memory.bytes(buffer, bytes.length).set(bytes);
      return text.length - 1;
    },
  };
}
