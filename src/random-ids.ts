import type { Random } from './power/port.ts';

/** Of an id. */
const length = 22;
/** A whole number of ids, and of base64's groups of 3 bytes. */
const batchBytes = 400 * length * 0.75;

/** Makes ids of 22 characters of base64url, 132 random bits, many with each question for chance. */
export function createRandomIds(random: Random): () => string {
  let text = '';
  let at = 0;
  return () => {
    if (at === text.length) {
      text = random.bytes(batchBytes).toString('base64url');
      at = 0;
    }
    at += length;
    return text.slice(at - length, at);
  };
}
