import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { FaasmError } from '../../../proto/errors.ts';
import { callMaxBytes, payloadMaxBytes } from '../../calls/limits.ts';
import { decodeMessage, type Message } from '../../calls/message.ts';
import { nodePowers } from '../../power/node.ts';
import { createRandomIds } from '../../random-ids.ts';
import { FrameReader, toFrame } from '../../receive/frames.ts';
import { toSocketAddress } from '../../receive/socket-address.ts';
import { defineCommand, UsageError, type World } from '../command.ts';
import { toInput } from '../input.ts';
import { asUsage, toFunctionPath } from '../operands.ts';
import { printJson } from '../output.ts';
import { readAll } from '../read-all.ts';

const newId = createRandomIds(nodePowers.random);

export const call = defineCommand({
  usage: '[<user>/<name> [-d <data> | -d @<file> | -]] | --lines | --read [--socket <address>]',
  about: [
    'Writes a call as a frame, for faasm start --receive pipe or a file; with --socket it goes to a host and its',
    'output comes back. --lines makes a call of each line of standard input, as in',
    '{"function": "demo/echo", "input": "hello", "id": "1", "async": false}; "inputBase64" is for bytes.',
    '--read reads results from standard input. Outputs are written as they are, with --json each result as a line.',
    'The exit status is 1 when a call failed.',
  ].join('\n'),
  operands: [0, 2],
  options: {
    data: { type: 'text', short: 'd', value: 'data', about: 'the input; @file for that of a file' },
    id: { type: 'text', value: 'id', about: 'of the call; else one is made' },
    async: { type: 'switch', about: 'the call is kept, and its id comes back at once' },
    lines: { type: 'switch', about: 'the calls are on standard input, one a line' },
    read: { type: 'switch', about: 'read results from standard input' },
    socket: { type: 'text', value: 'address', about: 'host:port or unix:/path of a host' },
    json: { type: 'switch', about: 'each result as a line of JSON' },
  },
  async run({ operands: [name, operand], options, world }) {
    const kinds = [name !== undefined, options.lines === true, options.read === true];
    if (kinds.filter(Boolean).length !== 1) {
      throw new UsageError('It takes a function, --lines or --read, and one of them');
    }
    const print = (message: Message): boolean => printResult(message, options.json === true, world);
    if (options.read === true) return await readResults(world.stdin, print);
    const { data, id = newId(), async: isAsync = false } = options;
    const calls =
      name === undefined
        ? fromLines(world.stdin)
        : [toCall({ function: name, id, async: isAsync }, await inputOf({ data, operand }, world))];
    if (options.socket === undefined) {
      if (world.stdout.isTTY === true) {
        throw new UsageError(
          'A frame is no text for a terminal: give --socket, or send it to a pipe or a file',
        );
      }
      await writeCalls(calls, world.stdout);
      return 0;
    }
    return await overSocket(options.socket, calls, print);
  },
});

async function inputOf(source: { data: string | undefined; operand: string | undefined }, world: World) {
  const body = await toInput(source, world);
  return body === undefined ? new Uint8Array(0) : await readAll(body.stream, payloadMaxBytes);
}

function toCall(line: Readonly<Record<string, unknown>>, inputData: Uint8Array): Partial<Message> {
  const [user, name] = asUsage(() => toFunctionPath(String(line.function))).split('/');
  const id = line.id === undefined ? newId() : String(line.id);
  return { user: user!, function: name!, type: 'CALL', id, isAsync: line.async === true, inputData };
}

async function* fromLines(stdin: Readable): AsyncGenerator<Partial<Message>> {
  let number = 0;
  for await (const text of createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() !== '') yield fromLine(text, number);
  }
}

function fromLine(text: string, number: number): Partial<Message> {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (cause) {
    throw new FaasmError('bad_request', `Line ${number} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof line !== 'object' || line === null || !('function' in line)) {
    throw new FaasmError('bad_request', `Line ${number} has no "function"`);
  }
  const { input = '', inputBase64 } = line as { input?: unknown; inputBase64?: unknown };
  const inputData =
    inputBase64 === undefined ? Buffer.from(String(input)) : Buffer.from(String(inputBase64), 'base64');
  return toCall(line as Record<string, unknown>, inputData);
}

type Calls = Iterable<Partial<Message>> | AsyncIterable<Partial<Message>>;

async function writeCalls(calls: Calls, output: Writable): Promise<void> {
  for await (const call of calls) if (!output.write(toFrame(call))) await once(output, 'drain');
}

/** @returns the exit status */
async function readResults(input: Readable, print: (message: Message) => boolean): Promise<number> {
  const reader = new FrameReader(callMaxBytes);
  let status = 0;
  for await (const piece of input) {
    reader.push(piece as Uint8Array);
    for (const bytes of reader.takeAll()) {
      if (!print(decodeMessage(bytes, 'result'))) status = 1;
    }
  }
  if (reader.isBetween) return status;
  throw new FaasmError('bad_message', 'The results end in the middle of a frame');
}

async function overSocket(text: string, calls: Calls, print: (message: Message) => boolean): Promise<number> {
  const address = asUsage(() => toSocketAddress(text));
  const socket = connect({ ...address, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
    const results = readResults(socket, print);
    const [status] = await Promise.all([results, writeCalls(calls, socket).then(() => socket.end())]);
    return status;
  } catch (cause) {
    if (cause instanceof FaasmError) throw cause;
    throw new FaasmError('no_responders', `Cannot call at ${text}: ${(cause as Error).message}`, { cause });
  } finally {
    socket.destroy();
  }
}

/** @returns whether the call went well */
function printResult(message: Message, json: boolean, { stdout, stderr }: World): boolean {
  const { id, user, function: name, success, outputData, returnValue, error, isAsync } = message;
  const failure = success ? undefined : (error ?? { code: 'internal', message: 'it failed' });
  if (json) {
    const text = Buffer.from(outputData).toString('utf8');
    const isText = Buffer.from(text, 'utf8').equals(outputData);
    const output = isText ? { output: text } : { outputBase64: Buffer.from(outputData).toString('base64') };
    const shown = failure && { code: failure.code, message: failure.message };
    printJson(stdout, { id, function: `${user}/${name}`, success, ...output, returnValue, error: shown });
  } else if (failure !== undefined) {
    stdout.write(outputData);
    stderr.write(`${user}/${name}: ${failure.message}\n`);
  } else if (isAsync) stdout.write(`${Buffer.from(outputData).toString()}\n`);
  else stdout.write(outputData);
  return success;
}
