/** What somebody who has written a word wrong may have meant. */
import { closestMatch } from 'leven';

/** No word that is meant is longer. */
const wordMaxLength = 64;

/** The known word with the fewest edits to this one, where they are few for its length: at most 3. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const maxDistance = Math.min(3, Math.ceil(word.length / 3));
  return closestMatch(word.slice(0, wordMaxLength), known, { maxDistance });
}

/** A question to be put behind the complaint; empty where nothing is near. */
export function didYouMean(word: string, known: readonly string[], show = (name: string) => name): string {
  const found = nearest(word, known);
  return found === undefined ? '' : `; did you mean ${show(found)}?`;
}
