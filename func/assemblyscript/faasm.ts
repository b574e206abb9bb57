/**
 * Functions in AssemblyScript. A function is a program that exports main:
 *
 *     import { getInputText, setOutput } from "faasm";
 *
 *     export function main(): i32 {
 *       setOutput(`Hello ${getInputText()}!`);
 *       return 0;
 *     }
 *
 * What main returns is the return value of the call: 0 for success. console.log() writes to the call's log.
 * Code outside of functions runs once, before the snapshot that each call starts from.
 *
 * Sizes and offsets are in bytes; a key has 1 to 512 of them. Data is given as a string, which becomes UTF-8, an
 * ArrayBuffer, or a typed array. There is no failure to check for: what cannot be done (an input that is too large,
 * storage that does not answer) ends the call, and its caller gets the reason.
 */
import * as host from "./faasm/host";

/* ---- input and output ---- */

export function getInputSize(): i32 {
  return host.readInput(0, 0);
}

export function getInput(): Uint8Array {
  const input = new Uint8Array(getInputSize());
  host.readInput(input.dataStart, input.length);
  return input;
}

/** The input as UTF-8. */
export function getInputText(): string {
  return toText(getInput());
}

/** Replaces the output; a call that sets none has an empty one. */
export function setOutput<T>(output: T): void {
  const bytes = toBytes(output);
  host.writeOutput(bytes.dataStart, bytes.length);
}

/** A setting of the host, or null for none. */
export function readConfig(name: string): string | null {
  const bytes = cString(name);
  const size = host.readConfig(changetype<usize>(bytes), 0, 0);
  if (size < 0) return null;
  const value = new Uint8Array(size);
  host.readConfig(changetype<usize>(bytes), value.dataStart, size);
  return toText(value);
}

/* ---- chaining: calls of functions of the same user ---- */

/** What a chained call left. */
export class CallOutput {
  constructor(
    /** 0 for success. */
    readonly returnValue: i32,
    readonly output: Uint8Array,
  ) {}

  /** The output as UTF-8. */
  get text(): string {
    return toText(this.output);
  }
}

/** Calls a function; gives an id to await. The call starts when this one ends, or awaits its first. */
export function chain<T>(name: string, input: T): i32 {
  const bytes = toBytes(input);
  return host.chainName(changetype<usize>(cString(name)), bytes.dataStart, bytes.length);
}

/** Waits for a chained call; gives what it returned, 0 for success. */
export function awaitCall(id: i32): i32 {
  return host.awaitCall(id);
}

/** Waits for a chained call; gives its output too. */
export function awaitCallOutput(id: i32): CallOutput {
  const found = new StaticArray<u32>(2);
  const at = changetype<usize>(found);
  const returnValue = host.awaitCallOutput(id, at, at + 4);
  const output = new Uint8Array(found[1]);
  if (found[0] != 0) {
    memory.copy(output.dataStart, found[0], found[1]);
    heap.free(found[0]);
  }
  return new CallOutput(returnValue, output);
}

/* ---- state: values shared by all functions of the user, on all hosts ----
 *
 * With `isAsync` false a read sees the newest value there is, and a write is safe before the call goes on.
 * With `isAsync` true both touch what this host has, which is faster; writes are pushed in the background.
 */

/** 0 for a key without a value. */
export function getStateSize(key: string): i32 {
  return host.getStateSize(changetype<usize>(cString(key)));
}

/** A value; it is empty for a key that has none. */
export function readState(key: string, isAsync: bool = false): Uint8Array {
  const name = cString(key);
  const value = new Uint8Array(host.getStateSize(changetype<usize>(name)));
  host.readState(changetype<usize>(name), value.dataStart, value.length, isAsync);
  return value;
}

/** A value as UTF-8. */
export function readStateText(key: string, isAsync: bool = false): string {
  return toText(readState(key, isAsync));
}

/** Replaces a value. */
export function writeState<T>(key: string, value: T, isAsync: bool = false): void {
  const bytes = toBytes(value);
  host.writeState(changetype<usize>(cString(key)), bytes.dataStart, bytes.length, isAsync);
}

/** Of a value of `total` bytes, `size` bytes from `offset` on. */
export function readStateOffset(key: string, total: i32, offset: i32, size: i32, isAsync: bool = false): Uint8Array {
  const part = new Uint8Array(size);
  host.readStateOffset(changetype<usize>(cString(key)), total, offset, part.dataStart, size, isAsync);
  return part;
}

/** Replaces bytes from `offset` on in a value of `total` bytes, which is made where there is none. */
export function writeStateOffset<T>(key: string, total: i32, offset: i32, part: T, isAsync: bool = false): void {
  const bytes = toBytes(part);
  host.writeStateOffset(
    changetype<usize>(cString(key)), total, offset, bytes.dataStart, bytes.length, isAsync);
}

/**
 * A value itself, or a part of it, in memory that all Faaslets of the user on this host share: nothing is copied.
 * What is set is flagged for the next push.
 */
export class SharedState {
  constructor(
    readonly key: string,
    /** Of the whole value. */
    readonly total: i32,
    /** Of the first byte, in the value. */
    readonly offset: i32,
    readonly size: i32,
    /** In this Faaslet's memory, for load() and store(); say with flagDirty() what was stored. */
    readonly address: usize,
  ) {}

  /** The number at `index`, counted in numbers of that type: `state.get<i32>(3)`. */
  get<T>(index: i32): T {
    return load<T>(this.place<T>(index));
  }

  set<T>(index: i32, value: T): void {
    store<T>(this.place<T>(index), value);
    this.flagDirty(index * sizeof<T>(), sizeof<T>());
  }

  /** From `offset` of this part on. */
  flagDirty(offset: i32 = 0, size: i32 = this.size - offset): void {
    const key = cString(this.key);
    host.flagStateOffsetDirty(changetype<usize>(key), this.total, this.offset + offset, size);
  }

  private place<T>(index: i32): usize {
    if (index < 0 || (index + 1) * sizeof<T>() > <usize>this.size) throw new RangeError("Index out of range");
    return this.address + index * sizeof<T>();
  }
}

/** A value, made `size` bytes long where it is shorter. */
export function mapState(key: string, size: i32, isAsync: bool = false): SharedState {
  const address = host.readStatePointer(changetype<usize>(cString(key)), size, isAsync);
  return new SharedState(key, size, 0, size, address);
}

/** Of a value of `total` bytes, those from `offset` on; only `size` bytes are fetched. */
export function mapStateOffset(key: string, total: i32, offset: i32, size: i32, isAsync: bool = false): SharedState {
  const address = host.readStateOffsetPointer(changetype<usize>(cString(key)), total, offset, size, isAsync);
  return new SharedState(key, total, offset, size, address);
}

/** Makes this host's value the one of all hosts. */
export function pushState(key: string): void {
  host.pushState(changetype<usize>(cString(key)));
}

/** The same with only what is dirty. */
export function pushStatePartial(key: string): void {
  host.pushStatePartial(changetype<usize>(cString(key)));
}

/** Makes the newest value the one of this host. */
export function pullState(key: string, size: i32): void {
  host.pullState(changetype<usize>(cString(key)), size);
}

/*
 * Locks hold between all calls of the user, on all hosts: many readers or one writer. They wait as long as the call
 * may run. A call that ends, in whatever way, gives its locks back.
 */

export function lockStateRead(key: string): void {
  host.lockStateRead(changetype<usize>(cString(key)));
}

export function unlockStateRead(key: string): void {
  host.unlockStateRead(changetype<usize>(cString(key)));
}

export function lockStateWrite(key: string): void {
  host.lockStateWrite(changetype<usize>(cString(key)));
}

export function unlockStateWrite(key: string): void {
  host.unlockStateWrite(changetype<usize>(cString(key)));
}

/** Adds a piece to the end of a value; needs no lock. */
export function appendState<T>(key: string, piece: T): void {
  const bytes = toBytes(piece);
  host.appendState(changetype<usize>(cString(key)), bytes.dataStart, bytes.length);
}

/** The first `count` pieces one after the other, `size` bytes together. */
export function readAppendedState(key: string, size: i32, count: i32): Uint8Array {
  const pieces = new Uint8Array(size);
  host.readAppendedState(changetype<usize>(cString(key)), pieces.dataStart, size, count);
  return pieces;
}

export function clearAppendedState(key: string): void {
  host.clearAppendedState(changetype<usize>(cString(key)));
}

/* ---- data ---- */

/** The bytes of a string as UTF-8, of an ArrayBuffer, or of a typed array; the latter two are not copied. */
export function toBytes<T>(data: T): Uint8Array {
  if (isString<T>()) return Uint8Array.wrap(String.UTF8.encode(<string>data));
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return Uint8Array.wrap(data);
  if (data instanceof ArrayBufferView) return Uint8Array.wrap(data.buffer, data.byteOffset, data.byteLength);
  ERROR("Data is a string, an ArrayBuffer or a typed array");
}

/** UTF-8 as a string. */
export function toText(bytes: Uint8Array): string {
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

function cString(text: string): ArrayBuffer {
  return String.UTF8.encode(text, true);
}
