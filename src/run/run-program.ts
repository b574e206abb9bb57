/**
 * A program run in this process, in the engine that hosts use: one Faaslet, used once. It has the streams of the
 * process in place of the input and the output of a call, and no host: no state, and no other functions.
 */
import { type CallEnd, type CallError, failedEnd, toCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionSettings } from '../../proto/function-settings.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { Faaslet } from '../faaslet/faaslet.ts';
import type { Suspension } from '../faaslet/suspension.ts';
import { byInvocation, withStreams } from '../faaslet/ways/alone.ts';
import { toCallWay } from '../faaslet/ways/call.ts';
import { prepareModule } from '../functions/prepare.ts';
import type { CallSettings } from '../guest/call-context.ts';
import { openCapabilities } from '../guest/capabilities.ts';
import { createFixedFiles } from '../guest/files/shared-files.ts';
import { toThrownError } from '../guest/guest-error.ts';
import type { SideModuleLimits } from '../guest/port.ts';
import { fail } from '../guest/wasi/errno.ts';
import { addSystemFiles } from '../guest/wasi/system-files.ts';
import { emptyFileTree, type FileLimits, type FileTree, type Tree } from '../guest/wasi/tree.ts';
import { wasiPowers } from '../guest/wasi-powers.ts';
import { createCopyMemory } from '../memory/copy.ts';
import { stackTraceLimit } from '../wasm/backtrace.ts';
import { toParameters, toResults } from './numbers.ts';
import type { GuestStreams } from './streams.ts';

export interface ProgramToRun {
  /** As the program is told its own. */
  readonly name: string;
  readonly module: Uint8Array<ArrayBuffer>;
  readonly settings: FunctionSettings;
  /** An export to call with numbers, in place of what a call runs. */
  readonly invoke: { readonly name: string; readonly parameters: readonly string[] } | undefined;
  /** Nothing for a program that is to see no file system at all. */
  readonly files: FileTree | undefined;
  readonly streams: GuestStreams;
  readonly limits: {
    readonly memoryMaxPages: number;
    readonly tableMaxElements: number;
    readonly inputMaxBytes: number;
    readonly outputMaxBytes: number;
    readonly sideModules: SideModuleLimits;
    readonly files: FileLimits;
  };
}

export interface ProgramEnd {
  readonly returnValue: number;
  /** Of what was invoked. */
  readonly results: readonly string[];
  /** Why it ended, where that was not by its own return value or exit code. */
  readonly error: CallError | undefined;
  /** The files of the program, as it left them. */
  readonly tree: Tree;
}

const user = toUserName('local');
const aloneText = 'and a program that is run alone has no host; deploy it with faasm deploy';
const neverWaits: Suspension = { left() {}, back: (go) => go() };

/** @throws FaasmError `bad_request`, `not_found`, `bad_module`, `unknown_import`, `unsupported_module`, and what instantiation throws */
export async function runProgram(program: ProgramToRun): Promise<ProgramEnd> {
  const { settings, streams, limits, files, invoke } = program;
  Error.stackTraceLimit = stackTraceLimit;
  const { module, imports, layout, signature } = await prepareModule(program.module, limits, {
    invoked: invoke?.name,
  });
  let results: readonly string[] = [];
  const parameters = invoke && toParameters(signature, invoke);
  const name = toFunctionName(program.name);
  const faaslet = instantiate(
    { key: name, version: '', user, function: name, settings, module, imports, layout, proto: undefined },
    {
      memory: createCopyMemory(),
      capabilities: openCapabilities({
        owner: name,
        ask: refuse,
        config: new Map(),
        stateAccess: 'synchronous',
        sideModules: limits.sideModules,
      }),
      way: (instance) =>
        withStreams(
          {
            stdin: { read: streams.readInput },
            stdout: (bytes) => streams.writeOutput(bytes) || fail('pipe'),
            stderr: (bytes) => streams.writeError(bytes) || fail('pipe'),
          },
          parameters === undefined
            ? toCallWay(instance)
            : byInvocation(instance, parameters, (values) => {
                results = toResults(signature, values);
              }),
        ),
      wasi: wasiPowers,
      files: createFixedFiles(addSystemFiles(files ?? emptyFileTree)),
      ...(files === undefined && { preopens: [] }),
      fileLimits: limits.files,
      limits: {
        inputMaxBytes: limits.outputMaxBytes,
        outputMaxBytes: limits.outputMaxBytes,
        stderrMaxBytes: 0,
        chainedCallsMax: 10_000,
      },
    },
  );
  const readsInput = imports.some((wanted) => wanted.name === '__faasm_read_input');
  const call: CallSettings = {
    user,
    input: readsInput ? readAll(streams, limits.inputMaxBytes) : new Uint8Array(0),
    // Whoever is to hear of it waits from the end of this turn on.
    dispatch: () => queueMicrotask(() => faaslet.call.chains.refuse(chainError())),
  };
  const end = await run(faaslet, call);
  streams.writeOutput(end.output);
  const { returnValue, chains } = end;
  const error = chains === undefined ? end.error : toCallError(chainError());
  return {
    returnValue,
    results,
    error: error?.code === 'guest_returned' ? undefined : error,
    tree: faaslet.files,
  };
}

async function run(faaslet: Faaslet, call: CallSettings): Promise<CallEnd> {
  if (faaslet.needsInitialization) {
    const error = await faaslet.initialize(call, neverWaits);
    if (error !== undefined) return failedEnd(error);
  }
  return faaslet.run(call, neverWaits);
}

function instantiate(...parameters: ConstructorParameters<typeof Faaslet>): Faaslet {
  try {
    return new Faaslet(...parameters);
  } catch (thrown) {
    const name = parameters[0].function;
    const output = new Uint8Array(0);
    const guest = { name, deniedPages: 0, memoryPages: 0, stderr: undefined, output, droppedChains: 0 };
    const { code, message, details } = toThrownError(thrown, guest);
    throw new FaasmError(code, message, { details, cause: thrown });
  }
}

function readAll(streams: GuestStreams, maxBytes: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(64 * 1024);
    const read = streams.readInput(chunk);
    if (read === 0) return Buffer.concat(chunks, length);
    length += read;
    if (length > maxBytes) {
      throw new FaasmError(
        'too_large',
        `The input has more than ${maxBytes} bytes; raise FAASM_INPUT_MAX_BYTES`,
      );
    }
    chunks.push(chunk.subarray(0, read));
  }
}

async function refuse(service: string): Promise<never> {
  throw new FaasmError('storage_unavailable', `A host has ${service}, ${aloneText}`);
}

function chainError(): FaasmError {
  return new FaasmError('chain_refused', `Other functions are called through a host, ${aloneText}`);
}
