/** What somebody may have meant who wrote a name that is not known. */

/** Letters of a name that are looked at. */
const lettersMax = 64;
const editsMax = 4;

/** How the known name is shown that is the fewest edits away, if they are few. */
export function nearestName(
  name: string,
  known: readonly { readonly name: string; readonly shown: string }[],
): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(editsMax, Math.ceil(name.length / 3));
  for (const each of known) {
    const distance = editDistance(name.slice(0, lettersMax), each.name, bestDistance);
    if (distance < bestDistance) {
      best = each.shown;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, or `limit` once it cannot be less. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same);
    }
    row = next;
  }
  return row[right.length]!;
}
