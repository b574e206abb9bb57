import { randomFillSync } from 'node:crypto';

/** Of an id. */
const length = 22;
/** A whole number of ids, and of base64's groups of 3 bytes. */
const batchBytes = 400 * length * 0.75;

/** Makes ids of 22 characters of base64url, 132 random bits, many with each question to the kernel. */
export function createRandomIds(): () => string {
  const bytes = Buffer.allocUnsafe(batchBytes);
  let text = '';
  let at = 0;
  return () => {
    if (at === text.length) {
      text = randomFillSync(bytes).toString('base64url');
      at = 0;
    }
    at += length;
    return text.slice(at - length, at);
  };
}
