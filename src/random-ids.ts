import type { Random } from './power/port.ts';

/** Of an id. */
const length = 22;
/** A whole number of ids, and of base64's groups of 3 bytes. */
const batchBytes = 400 * length * 0.75;

/** Makes ids of 22 characters of base64url, 132 random bits, many with each question for chance. */
export function createRandomIds(random: Random): () => string {
  // Filled again and again: buffers that are thrown away make the collector of garbage run.
  const batch = Buffer.allocUnsafeSlow(batchBytes);
  let text = '';
  let at = 0;
  return () => {
    if (at === text.length) {
      random.fill(batch);
      text = batch.toString('base64url');
      at = 0;
    }
    at += length;
    return text.slice(at - length, at);
  };
}
