/** What a guest's end looked like from outside, in the words of the error table. Everything thrown is untrusted. */
import type { CallError } from '../../proto/call.ts';
import { type ErrorCode, type ErrorDetails, errorTable, FaasmError } from '../../proto/errors.ts';
import { toBacktrace } from '../wasm/backtrace.ts';
import { GuestFault } from './guest-fault.ts';
import { toOutputDetails } from './left-output.ts';

export interface GuestState {
  /** `user/function`. */
  readonly name: string;
  /** Pages that were last asked for in vain; 0 when none were. */
  readonly deniedPages: number;
  readonly memoryPages: number;
  readonly stderr: string | undefined;
  /** What it had put out. */
  readonly output: Uint8Array;
  readonly droppedChains: number;
}

const pageMiB = 1 / 16;

export function toReturnedError(returnValue: number, guest: GuestState): CallError {
  return error('guest_returned', `${guest.name} returned ${returnValue}`, guest, { returnValue });
}

/** @param thrown whatever ended the guest, other than its own exit */
export function toThrownError(thrown: unknown, guest: GuestState): CallError {
  if (thrown instanceof FaasmError) {
    const { code, message, details } = thrown;
    if (isGuestsFault(code))
      return error('guest_faulted', `${guest.name}: ${message} (${code})`, guest, {
        ...details,
        fault: code,
      });
    return error(code, `${guest.name}: ${message}`, guest, details);
  }
  if (guest.deniedPages > 0) {
    const held = Math.round(guest.memoryPages * pageMiB);
    const asked = Math.max(1, Math.round(guest.deniedPages * pageMiB));
    return error(
      'guest_out_of_memory',
      `${guest.name} ran out of memory: it holds ${held} MiB and asked for ${asked} MiB more; raise FAASM_MEMORY_MAX_MIB`,
      guest,
      { trap: trapOf(thrown), backtrace: backtraceOf(thrown) },
    );
  }
  if (thrown instanceof GuestFault) {
    return error('guest_trapped', `${guest.name} trapped: ${thrown.message}`, guest, {
      trap: thrown.message,
    });
  }
  if (thrown instanceof WebAssembly.RuntimeError) {
    const trap = trapOf(thrown);
    return error('guest_trapped', `${guest.name} trapped: ${trap}`, guest, {
      trap,
      backtrace: backtraceOf(thrown),
    });
  }
  if (thrown instanceof RangeError && thrown.message.includes('call stack')) {
    return error('guest_stack_overflow', `${guest.name} overflowed its stack`, guest, {
      backtrace: backtraceOf(thrown),
    });
  }
  if (thrown instanceof WebAssembly.Exception) {
    return error('guest_threw', `${guest.name} threw a WebAssembly exception that nobody caught`, guest, {});
  }
  return error('guest_trapped', `${guest.name} failed: ${safeText(thrown)}`, guest, {
    trap: safeText(thrown),
  });
}

/**
 * What the host refuses a guest in the words that it has for clients: of the request that made the call they would be
 * wrong. A module that is refused is refused, and what is wrong with the host stays that.
 */
function isGuestsFault(code: ErrorCode): boolean {
  return errorTable[code].http < 500 && code !== 'bad_module';
}

function error(
  code: CallError['code'],
  message: string,
  guest: GuestState,
  details: { [Field in keyof ErrorDetails]: ErrorDetails[Field] | undefined },
): CallError {
  const dropped =
    guest.droppedChains === 0
      ? ''
      : `; ${guest.droppedChains} chained call(s) it had not waited for were dropped`;
  const all = {
    ...details,
    stderr: guest.stderr,
    ...toOutputDetails(guest.output),
    droppedChains: guest.droppedChains === 0 ? undefined : guest.droppedChains,
  };
  const known = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { code, message: `${message}${dropped}`, details: known };
}

function trapOf(thrown: unknown): string {
  return thrown instanceof Error ? safeText(thrown.message) : safeText(thrown);
}

function backtraceOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return undefined;
  return toBacktrace(thrown.stack)?.split('\n').map(safeText).join('\n');
}

/** Text that a guest may have made, fit for a header and a terminal. */
function safeText(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? value : value instanceof Error ? String(value.message) : String(value);
  } catch {
    text = 'a value without a text';
  }
  return text.slice(0, 500).replaceAll(/[^\t\n -~]/g, '?');
}
