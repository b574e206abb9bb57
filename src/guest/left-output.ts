/** What a failed call had put out, as its error tells it: the end of it, as text where it is text. */
import type { ErrorDetails } from '../../proto/errors.ts';

type OutputDetails = Pick<ErrorDetails, 'output' | 'outputBase64' | 'outputBytes'>;

const endMaxBytes = 4096;
const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Of UTF-8: a byte that does not begin a character, and how many of them one has at most. */
const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
const continuationsMax = 3;

/** Nothing of no output. */
export function toOutputDetails(output: Uint8Array): OutputDetails {
  if (output.length === 0) return {};
  const text = toText(output);
  const outputBytes = output.length;
  if (text !== undefined) return { output: text, outputBytes };
  return { outputBase64: Buffer.from(output.subarray(-endMaxBytes)).toString('base64'), outputBytes };
}

/** From the first whole character on; nothing where it is no text that people read. */
function toText(output: Uint8Array): string | undefined {
  const end = output.subarray(-endMaxBytes);
  let start = 0;
  if (end.length < output.length) while (start < continuationsMax && isContinuation(end[start])) start++;
  try {
    const text = strictText.decode(end.slice(start));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
