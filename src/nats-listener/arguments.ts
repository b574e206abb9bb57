/** The arguments of an operation, once its line is complete. */
import type { Operation, OperationName } from './operation.ts';

export interface PayloadHead {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headerBytes: number;
  /** Headers and body together. */
  readonly bytes: number;
}

/** `bad` cuts the client off. */
export function readArguments(
  name: OperationName,
  line: string,
): Operation | PayloadHead | 'ignored' | 'bad' {
  if (name === 'CONNECT') return { op: 'connect', json: line };
  if (name === 'INFO') return 'ignored';
  const words = line.match(/[^ \t\r\n]+/g) ?? [];
  switch (name) {
    case 'PUB':
      return readPub(words);
    case 'HPUB':
      return readHpub(words);
    case 'SUB':
      return readSub(words);
    case 'UNSUB':
      return readUnsub(words);
    default:
      return 'bad';
  }
}

function readPub(words: readonly string[]): PayloadHead | 'bad' {
  if (words.length < 2 || words.length > 3) return 'bad';
  const bytes = toSize(words.at(-1)!);
  if (bytes === undefined) return 'bad';
  return { subject: words[0]!, reply: words.length === 3 ? words[1] : undefined, headerBytes: 0, bytes };
}

function readHpub(words: readonly string[]): PayloadHead | 'bad' {
  if (words.length < 3 || words.length > 4) return 'bad';
  const headerBytes = toSize(words.at(-2)!);
  const bytes = toSize(words.at(-1)!);
  if (headerBytes === undefined || bytes === undefined || headerBytes > bytes) return 'bad';
  return { subject: words[0]!, reply: words.length === 4 ? words[1] : undefined, headerBytes, bytes };
}

function readSub(words: readonly string[]): Operation | 'bad' {
  if (words.length < 2 || words.length > 3) return 'bad';
  const queue = words.length === 3 ? words[1] : undefined;
  return { op: 'sub', subject: words[0]!, queue, sid: words.at(-1)! };
}

/** A number that is none counts as 0, as on the original server. */
function readUnsub(words: readonly string[]): Operation | 'bad' {
  if (words.length < 1 || words.length > 2) return 'bad';
  return { op: 'unsub', sid: words[0]!, max: words.length === 2 ? (toSize(words[1]!) ?? 0) : 0 };
}

function toSize(word: string): number | undefined {
  return /^\d{1,9}$/.test(word) ? Number(word) : undefined;
}
