/** The target of a request, taken apart: segments of its path, still escaped, and its query. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export type Segments = readonly string[];

export interface Target {
  /** At least one, which is empty for the root; a slash at the end makes no difference. */
  readonly segments: Segments;
  /** Without its question mark; empty where there is none. */
  readonly query: string;
  /** Whether its path ends with a slash that is not the first. */
  readonly slash: boolean;
}

const slash = 0x2f;
const percent = 0x25;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param target in origin form or absolute form @throws FaasmError `bad_request` */
export function toTarget(target: string): Target {
  let start = 0;
  if (target.charCodeAt(0) !== slash) {
    const authority = target.indexOf('://');
    if (authority < 0) throw new FaasmError('bad_request', `Bad request target ${quote(target)}`);
    start = target.indexOf('/', authority + 3);
    if (start < 0) return { segments: [''], query: '', slash: false };
  }
  const question = target.indexOf('?', start);
  const segments = target.slice(start + 1, question < 0 ? undefined : question).split('/');
  const endsInSlash = segments.length > 1 && segments.at(-1) === '';
  if (endsInSlash) segments.pop();
  return { segments, query: question < 0 ? '' : target.slice(question + 1), slash: endsInSlash };
}

/** An escaped name is the same name; what does not decode stays as it is, and is no name. */
export function decodeName(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** A name in the path of a file. @throws FaasmError `bad_name` */
export function decodePathName(segment: string): string {
  const bytes = decodeKey(segment);
  if (bytes.includes(slash)) throw badPathName(segment, 'a slash inside a name is not possible');
  try {
    return utf8.decode(bytes);
  } catch {
    throw badPathName(segment, 'it is not UTF-8');
  }
}

function badPathName(segment: string, why: string): FaasmError {
  return new FaasmError('bad_name', `Bad name in a file path ${quote(segment)}: ${why}`);
}

/** The bytes of a state key: any byte but the slash may be there as it is or as %XX. @throws FaasmError `bad_name` */
export function decodeKey(segment: string): Uint8Array {
  const bytes = new Uint8Array(segment.length);
  let length = 0;
  for (let at = 0; at < segment.length; at++) {
    let byte = segment.charCodeAt(at);
    if (byte === percent) {
      const digits = segment.slice(at + 1, at + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) {
        throw new FaasmError('bad_name', `Bad escape in ${quote(segment)}: write % itself as %25`);
      }
      byte = Number.parseInt(digits, 16);
      at += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
