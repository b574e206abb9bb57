/** What C, AssemblyScript and Faasm's toolchain leave to the host of a program's own running: how it ends, what it tells. */
import { GuestExit, GuestFault } from '../guest-fault.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { answers, type Capability, type Guest, type ImportFunctions } from '../port.ts';

const textMaxBytes = 4096;
const newline = Uint8Array.of(10);

export const process: Capability = {
  module: 'env',
  imports: [
    {
      abort: answers(':'),
      exit: answers('i:'),
      _exit: answers('i:'),
      _Exit: answers('i:'),
      __cxa_allocate_exception: answers('i:i'),
      __cxa_throw: answers('iii:'),
      _Unwind_RaiseException: answers('i:i'),
      puts: answers('i:i'),
      __faasm_conf_flag: answers('i:i'),
      __faasm_backtrace: answers('i:'),
      __faasm_migrate_point: answers('ii:'),
      __faasm_host_interface_test: answers('i:'),
      __faasm_sm_var: answers('ii:'),
      __faasm_sm_array: answers('iii:'),
      __faasm_sm_raw: answers('ii:'),
      __faasm_sm_reduce: answers('iiii:'),
      __faasm_sm_default_shared: answers(':'),
      __faasm_sm_critical_local: answers(':'),
      __faasm_sm_critical_local_end: answers(':'),
      emscripten_notify_memory_growth: answers('i:'),
    },
    // As AssemblyScript's programs import it, and the founding form.
    { abort: answers('iiii:'), __faasm_sm_reduce: answers('iii:') },
  ],
  open: () => (guest) => ({ functions: createProcess(guest) }),
};

function createProcess({ memory, call }: Pick<Guest, 'memory' | 'call'>): ImportFunctions {
  return {
    /** C gives nothing; AssemblyScript gives a message and a file, as its strings, and where in the file. */
    abort(message?: number, file?: number, line?: number, column?: number): never {
      if (message === undefined || file === undefined) throw new GuestFault('aborted');
      const place = file === 0 ? '' : ` at ${assemblyScriptText(memory, file)}:${line}:${column}`;
      throw new GuestFault(
        `aborted${place}: ${message === 0 ? 'no reason given' : assemblyScriptText(memory, message)}`,
      );
    },
    exit,
    _exit: exit,
    _Exit: exit,
    /** Faasm's toolchains know no catching. */
    __cxa_allocate_exception: uncaught,
    __cxa_throw: uncaught,
    _Unwind_RaiseException: uncaught,
    puts(text: number): number {
      call.output.writeStdout(memory.cString(text, textMaxBytes));
      call.output.writeStdout(newline);
      return 0;
    },

    /** A flag of the host's configuration; this one has none that is on. */
    __faasm_conf_flag: () => 0,
    /** Errors have their backtrace. */
    __faasm_backtrace() {},
    /** Calls do not move once they run. */
    __faasm_migrate_point() {},
    __faasm_host_interface_test() {},

    /** A call has its memory for itself, so what is marked as shared has nobody to be merged with. */
    __faasm_sm_var() {},
    __faasm_sm_array() {},
    __faasm_sm_raw() {},
    __faasm_sm_reduce() {},
    __faasm_sm_default_shared() {},
    __faasm_sm_critical_local() {},
    __faasm_sm_critical_local_end() {},

    /** Views of the memory are taken afresh after each call of the guest. */
    emscripten_notify_memory_growth() {},
  };
}

function exit(code: number): never {
  throw new GuestExit(code);
}

function uncaught(): never {
  throw new GuestFault('a C++ exception that nobody caught');
}

/** UTF-16, whose length in bytes stands before it. */
function assemblyScriptText(memory: GuestMemory, pointer: number): string {
  const start = pointer >>> 0;
  if (start < 4) return '';
  memory.bytes(start - 4, 4);
  const byteLength = Math.min(memory.view().getUint32(start - 4, true), textMaxBytes);
  return Buffer.from(memory.bytes(start, byteLength)).toString('utf16le');
}
