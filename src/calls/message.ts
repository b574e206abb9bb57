/**
 * `Message` of faasm.proto in bytes: what a founding client sends and gets, with our fields beside its own.
 * Written field by field with protobufjs' reader and writer, because reading the schema takes its whole compiler at
 * every start; a test holds it against the schema.
 *
 * A field that is absent has its default: an empty text, no bytes, 0, false. Unknown fields are skipped. Bytes that
 * are decoded are views of what they came in.
 */
import protobuf from 'protobufjs/minimal.js';
import type { RequestHead, ResponseHead } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { type CallArguments, toCallArguments, toVariable } from '../../proto/function-settings.ts';
import {
  argumentsMaxFields,
  callMaxBytes,
  messageMaxFields,
  metadataMaxBytes,
  requestHeadersMax,
  responseHeadersMax,
} from './limits.ts';
import type { Place, S3Object } from './place.ts';
import { toRequestHead } from './request-head.ts';

export const messageTypes = ['UNSET', 'BIND', 'CALL', 'KILL'] as const;
export type MessageType = (typeof messageTypes)[number];

export interface MessageError {
  /** A code of proto/errors.ts, if the sender knows them. */
  readonly code: string;
  readonly message: string;
  /** ErrorDetails as JSON. */
  readonly details: string;
}

export interface Message {
  user: string;
  function: string;
  type: MessageType;
  resultKey: string;
  statusKey: string;
  success: boolean;
  isAsync: boolean;
  inputData: Uint8Array;
  outputData: Uint8Array;
  id: string;
  parentId: string;
  rootId: string;
  depth: number;
  /** Unix milliseconds; 0 for the host's default. */
  deadlineMs: number;
  version: string;
  traceparent: string;
  idempotencyKey: string;
  /** `inline`: it is in inputData. */
  input: Place;
  /** `inline`: it is wanted in outputData. */
  output: Place;
  returnValue: number;
  error: MessageError | undefined;
  given: CallArguments | undefined;
  /** A place in the module's table, plus 1; 0 for none. */
  pointer: number;
  response: ResponseHead | undefined;
  /** How long the call computed, in microseconds; 0 where it did not run. */
  ranUs: number;
  treeCalls: number;
  request: RequestHead | undefined;
}

const noBytes = new Uint8Array(0);
const inline: Place = { kind: 'inline' };

export const emptyMessage: Readonly<Message> = {
  user: '',
  function: '',
  type: 'UNSET',
  resultKey: '',
  statusKey: '',
  success: false,
  isAsync: false,
  inputData: noBytes,
  outputData: noBytes,
  id: '',
  parentId: '',
  rootId: '',
  depth: 0,
  deadlineMs: 0,
  version: '',
  traceparent: '',
  idempotencyKey: '',
  input: inline,
  output: inline,
  returnValue: 0,
  error: undefined,
  given: undefined,
  pointer: 0,
  response: undefined,
  ranUs: 0,
  treeCalls: 0,
  request: undefined,
};

/** The number of the wire type, as in the low bits of a tag. */
const varint = 0;
const delimited = 2;

/** Fields that are absent are as in `emptyMessage`. @throws FaasmError `too_large` */
export function encodeMessage(message: Partial<Message>): Uint8Array {
  const { inputData = noBytes, outputData = noBytes } = message;
  const payloadBytes = inputData.length + outputData.length;
  if (payloadBytes > callMaxBytes) throw tooLarge(payloadBytes);
  const writer = protobuf.Writer.create();
  writeText(writer, 1, message.user);
  writeText(writer, 2, message.function);
  writeNumber(writer, 3, messageTypes.indexOf(message.type ?? 'UNSET'));
  writeText(writer, 4, message.resultKey);
  writeText(writer, 5, message.statusKey);
  writeNumber(writer, 6, message.success === true ? 1 : 0);
  writeNumber(writer, 7, message.isAsync === true ? 1 : 0);
  if (inputData.length > 0) writer.uint32(tag(8, delimited)).bytes(inputData);
  if (outputData.length > 0) writer.uint32(tag(9, delimited)).bytes(outputData);
  writeText(writer, 16, message.id);
  writeText(writer, 17, message.parentId);
  writeText(writer, 18, message.rootId);
  writeNumber(writer, 19, message.depth ?? 0);
  if (message.deadlineMs) writer.uint32(tag(20, varint)).uint64(message.deadlineMs);
  writeText(writer, 21, message.version);
  writeText(writer, 22, message.traceparent);
  writeText(writer, 23, message.idempotencyKey);
  writePlace(writer, 24, message.input ?? inline);
  writePlace(writer, 26, message.output ?? inline);
  if (message.returnValue) writer.uint32(tag(28, varint)).sint32(message.returnValue);
  if (message.error !== undefined) {
    const { code, message: text, details } = message.error;
    writer.uint32(tag(29, delimited)).fork();
    writeTexts(writer, [code, text, details]);
    writer.ldelim();
  }
  if (message.given !== undefined) writeArguments(writer, 30, message.given);
  writeNumber(writer, 31, message.pointer ?? 0);
  if (message.response !== undefined) writeResponse(writer, 32, message.response);
  writeNumber(writer, 42, message.ranUs ?? 0);
  writeNumber(writer, 45, message.treeCalls ?? 0);
  if (message.request !== undefined) writeRequest(writer, 36, message.request);
  const bytes = writer.finish();
  if (bytes.length > callMaxBytes) throw tooLarge(bytes.length);
  return bytes;
}

/** @param what the thing in words, for the error. @throws FaasmError `bad_message`, `too_large` */
export function decodeMessage(bytes: Uint8Array, what: string): Message {
  if (bytes.length > callMaxBytes) throw tooLarge(bytes.length);
  let message: Message;
  try {
    message = readMessage(bytes);
  } catch (thrown) {
    if (thrown instanceof FaasmError && thrown.code === 'too_large') throw thrown;
    throw badMessage(what, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  const metadataBytes = bytes.length - message.inputData.length - message.outputData.length;
  if (metadataBytes <= metadataMaxBytes) return message;
  throw new FaasmError(
    'too_large',
    `Beside its input and output a message has at most ${metadataMaxBytes} bytes; this one has ${metadataBytes}`,
  );
}

export function badMessage(what: string, why: string, cause?: unknown): FaasmError {
  return new FaasmError('bad_message', `Not a ${what}: ${why}`, { cause });
}

type Reader = protobuf.Reader;
type Writer = protobuf.Writer;

function readMessage(bytes: Uint8Array): Message {
  const reader = protobuf.Reader.create(bytes);
  const message: Message = { ...emptyMessage };
  let fields = 0;
  while (reader.pos < reader.len) {
    if (++fields > messageMaxFields) throw new Error(`it has more than ${messageMaxFields} fields`);
    const [field, wire] = readTag(reader);
    switch (field) {
      case 1:
        message.user = readText(reader, wire);
        break;
      case 2:
        message.function = readText(reader, wire);
        break;
      case 3:
        message.type = toMessageType(readInt(reader, wire));
        break;
      case 4:
        message.resultKey = readText(reader, wire);
        break;
      case 5:
        message.statusKey = readText(reader, wire);
        break;
      case 6:
        message.success = readBool(reader, wire);
        break;
      case 7:
        message.isAsync = readBool(reader, wire);
        break;
      case 8:
        message.inputData = readBytes(reader, wire);
        break;
      case 9:
        message.outputData = readBytes(reader, wire);
        break;
      case 16:
        message.id = readText(reader, wire);
        break;
      case 17:
        message.parentId = readText(reader, wire);
        break;
      case 18:
        message.rootId = readText(reader, wire);
        break;
      case 19:
        message.depth = readInt(reader, wire);
        break;
      case 20:
        message.deadlineMs = readTime(reader, wire);
        break;
      case 21:
        message.version = readText(reader, wire);
        break;
      case 22:
        message.traceparent = readText(reader, wire);
        break;
      case 23:
        message.idempotencyKey = readText(reader, wire);
        break;
      case 24:
        message.input = { kind: 'redis', key: readText(reader, wire) };
        break;
      case 25:
        message.input = { kind: 's3', ...readS3Object(reader, wire) };
        break;
      case 26:
        message.output = { kind: 'redis', key: readText(reader, wire) };
        break;
      case 27:
        message.output = { kind: 's3', ...readS3Object(reader, wire) };
        break;
      case 28:
        expectWire(wire, varint);
        message.returnValue = reader.sint32();
        break;
      case 29:
        message.error = readError(reader, wire);
        break;
      case 30:
        message.given = readArguments(reader, wire);
        break;
      case 31:
        expectWire(wire, varint);
        message.pointer = reader.uint32();
        break;
      case 32:
        message.response = readResponse(reader, wire);
        break;
      case 36:
        message.request = readRequest(reader, wire);
        break;
      case 42:
        message.ranUs = readInt(reader, wire);
        break;
      case 45:
        message.treeCalls = readInt(reader, wire);
        break;
      default:
        reader.skipType(wire, 0, field);
    }
  }
  return message;
}

function readS3Object(reader: Reader, wire: number): S3Object {
  const [bucket = '', key = ''] = readTexts(reader, wire, 2);
  return { bucket, key };
}

function readError(reader: Reader, wire: number): MessageError {
  const [code = '', message = '', details = ''] = readTexts(reader, wire, 3);
  return { code, message, details };
}

function readArguments(reader: Reader, wire: number): CallArguments {
  const inner = protobuf.Reader.create(readBytes(reader, wire));
  const args: string[] = [];
  const env: [string, string][] = [];
  for (let fields = 0; inner.pos < inner.len; fields++) {
    if (fields > argumentsMaxFields) throw new Error(`it has more than ${argumentsMaxFields} arguments`);
    const [field, innerWire] = readTag(inner);
    if (field === 1) args.push(readText(inner, innerWire));
    else if (field === 2) env.push(toVariable(readText(inner, innerWire)));
    else inner.skipType(innerWire, 1, field);
  }
  return toCallArguments({ args, env: Object.fromEntries(env) });
}

function readResponse(reader: Reader, wire: number): ResponseHead {
  const inner = protobuf.Reader.create(readBytes(reader, wire));
  const headers: string[] = [];
  let status = 0;
  for (let fields = 0; inner.pos < inner.len; fields++) {
    if (fields > responseHeadersMax) throw new Error(`it has more than ${responseHeadersMax} headers`);
    const [field, innerWire] = readTag(inner);
    if (field === 1) status = readInt(inner, innerWire);
    else if (field === 2) headers.push(readText(inner, innerWire));
    else inner.skipType(innerWire, 1, field);
  }
  return { status, headers };
}

function readRequest(reader: Reader, wire: number): RequestHead {
  const inner = protobuf.Reader.create(readBytes(reader, wire));
  const texts: string[] = [];
  const headers: string[] = [];
  let port = 0;
  for (let fields = 0; inner.pos < inner.len; fields++) {
    if (fields > requestHeadersMax) throw new Error(`it has more than ${requestHeadersMax} headers`);
    const [field, innerWire] = readTag(inner);
    if (field === 4) headers.push(readText(inner, innerWire));
    else if (field < 6) texts[field] = readText(inner, innerWire);
    else if (field === 6) port = readInt(inner, innerWire);
    else inner.skipType(innerWire, 1, field);
  }
  const [, method, target, protocol, , address = ''] = texts;
  return toRequestHead({ method, target, protocol, headers, address, port });
}

/** A message inside the message, whose fields 1 to `count` are texts. */
function readTexts(reader: Reader, wire: number, count: number): string[] {
  const inner = protobuf.Reader.create(readBytes(reader, wire));
  const texts: string[] = [];
  for (let fields = 0; inner.pos < inner.len; fields++) {
    if (fields > messageMaxFields) throw new Error(`it has more than ${messageMaxFields} fields`);
    const [field, innerWire] = readTag(inner);
    if (field <= count) texts[field - 1] = readText(inner, innerWire);
    else inner.skipType(innerWire, 1, field);
  }
  return texts;
}

function readTag(reader: Reader): [field: number, wire: number] {
  const both = reader.tag();
  if (both >>> 3 === 0) throw new Error('there is no field 0');
  return [both >>> 3, both & 7];
}

function readText(reader: Reader, wire: number): string {
  expectWire(wire, delimited);
  const start = reader.pos;
  const byteLength = reader.size();
  if (byteLength > metadataMaxBytes) {
    throw new FaasmError(
      'too_large',
      `A text in a message has at most ${metadataMaxBytes} bytes; this one has ${byteLength}`,
    );
  }
  reader.pos = start;
  return reader.stringVerify();
}

function readBytes(reader: Reader, wire: number): Uint8Array {
  expectWire(wire, delimited);
  const { buffer, byteOffset, byteLength } = reader.bytes();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function readBool(reader: Reader, wire: number): boolean {
  expectWire(wire, varint);
  return reader.bool();
}

function readInt(reader: Reader, wire: number): number {
  expectWire(wire, varint);
  return reader.uint32();
}

function readTime(reader: Reader, wire: number): number {
  expectWire(wire, varint);
  const read = reader.uint64();
  const time = typeof read === 'number' ? read : (read.high >>> 0) * 2 ** 32 + (read.low >>> 0);
  if (!Number.isSafeInteger(time)) throw new Error(`no time in milliseconds is ${time}`);
  return time;
}

function toMessageType(value: number): MessageType {
  const type = messageTypes[value];
  if (type === undefined) throw new Error(`there is no message type ${value}`);
  return type;
}

function expectWire(wire: number, expected: number): void {
  if (wire !== expected) throw new Error(`a field has wire type ${wire} where the schema has ${expected}`);
}

function tag(field: number, wire: number): number {
  return field * 8 + wire;
}

function writeText(writer: Writer, field: number, text = ''): void {
  if (text !== '') writer.uint32(tag(field, delimited)).string(text.toWellFormed());
}

function writeTexts(writer: Writer, texts: readonly string[]): void {
  for (const [index, text] of texts.entries()) writeText(writer, index + 1, text);
}

function writeArguments(writer: Writer, field: number, { args, env }: CallArguments): void {
  writer.uint32(tag(field, delimited)).fork();
  for (const arg of args) writer.uint32(tag(1, delimited)).string(arg);
  for (const [name, value] of Object.entries(env))
    writer.uint32(tag(2, delimited)).string(`${name}=${value}`);
  writer.ldelim();
}

function writeResponse(writer: Writer, field: number, { status, headers }: ResponseHead): void {
  writer.uint32(tag(field, delimited)).fork();
  writeNumber(writer, 1, status);
  for (const line of headers) writeText(writer, 2, line);
  writer.ldelim();
}

function writeRequest(writer: Writer, field: number, request: RequestHead): void {
  writer.uint32(tag(field, delimited)).fork();
  writeTexts(writer, [request.method, request.target, request.protocol]);
  for (const line of request.headers) writeText(writer, 4, line);
  writeText(writer, 5, request.address);
  writeNumber(writer, 6, request.port);
  writer.ldelim();
}

function writeNumber(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(tag(field, varint)).uint32(value);
}

/** @param field of the Redis key; that of the S3 object is the next */
function writePlace(writer: Writer, field: number, place: Place): void {
  if (place.kind === 'redis') writer.uint32(tag(field, delimited)).string(place.key.toWellFormed());
  if (place.kind === 's3') {
    writer.uint32(tag(field + 1, delimited)).fork();
    writeTexts(writer, [place.bucket, place.key]);
    writer.ldelim();
  }
}

function tooLarge(byteLength: number): FaasmError {
  return new FaasmError(
    'too_large',
    `A call or its result has at most ${callMaxBytes} bytes; this one has ${byteLength}: pass larger data through state`,
  );
}
