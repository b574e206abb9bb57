/** What a SQLite thread is started with, and what is said to it and by it. */
import type { ErrorCode, ErrorDetails } from '../../proto/errors.ts';

export interface SqliteSetup {
  /** The path of the database; the folder of it is made where there is none. */
  readonly file: string;
  /** The URL of the operations module. */
  readonly operations: string;
}

/** One operation; without a name it waits for the file to be open, or, with `shrink`, gives back what is not used. */
export interface OperationMessage {
  readonly id: number;
  readonly name: string | undefined;
  readonly argument: unknown;
}

export type ToThread = OperationMessage | 'close';

/** A FaasmError, and what it came from, as far as that can be posted. */
export interface OperationError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly place: string | undefined;
  readonly cause: unknown;
}

export interface OperationAnswer {
  readonly id: number;
  readonly value: unknown;
  readonly error: OperationError | undefined;
}

/** The answers of one batch. */
export type FromThread = readonly OperationAnswer[];
