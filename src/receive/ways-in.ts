import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export const waysIn = ['redis', 'pipe', 'socket'] as const;
export type WayIn = (typeof waysIn)[number];

/** @param text as `redis,socket` @throws FaasmError `bad_request` */
export function toWaysIn(text: string): ReadonlySet<WayIn> {
  const names = text.split(',').map((each) => each.trim());
  const found = new Set<WayIn>();
  for (const name of names) {
    const known = waysIn.find((each) => each === name);
    if (known !== undefined) found.add(known);
    else if (name !== '') {
      throw new FaasmError(
        'bad_request',
        `FAASM_RECEIVE (--receive) is a list of ${waysIn.join(', ')}, and ${quote(name)} is none of them`,
      );
    }
  }
  return found;
}
