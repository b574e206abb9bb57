/**
 * What the subjects of all three zones have in common. A zone is who may speak and hear there: `public-subjects.ts` is
 * for clients, `control-subjects.ts` for hosts among themselves, `private-subjects.ts` for the actors of one process.
 *
 * `work` subjects are taken by one member of the queue group; `broadcast` subjects are heard by all.
 */

/** The name of the queue group that all members of a kind of actor share. */
export const queueGroup = (actor: string): string => `faasm-${actor}`;

/** The tokens of a subject after the prefix and the given number of fixed tokens. */
export function tokensAfter(subject: string, fixedTokens: number): string[] {
  return subject.split('.').slice(1 + fixedTokens);
}
