/** What a SQLite thread is started with, and what is said to it and by it. */
import type { CallError } from '../../proto/call.ts';

export interface SqliteSetup {
  /** Its folder is made when it is not there. */
  readonly file: string;
  /** The URL of the operations module. */
  readonly operations: string;
}

/** One operation; without a name it only waits for the file to be open. */
export interface OperationMessage {
  readonly id: number;
  readonly name: string | undefined;
  readonly argument: unknown;
}

export type ToThread = OperationMessage;

export interface OperationAnswer {
  readonly id: number;
  readonly value: unknown;
  readonly error: CallError | undefined;
}

/** The answers of one batch. */
export type FromThread = readonly OperationAnswer[];
