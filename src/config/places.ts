/** Settings that say where something is. */
import { type PlaceKind, placeForms, readPlace, type StorePlace, showPlace } from '../storage/place.ts';
import { type Kind, Refusal } from './kinds.ts';

/** Where something is kept. */
export function place<const Taken extends PlaceKind>(
  ...kinds: readonly Taken[]
): Kind<Extract<StorePlace, { kind: Taken }>> {
  return {
    operand: 'place',
    wanted: kinds.map((kind) => placeForms[kind]).join(' or '),
    read(text) {
      const found = readPlace(text, kinds);
      if (found === undefined) throw new Refusal();
      return found;
    },
    show: showPlace,
  };
}

export interface UrlForm {
  /** As in `['http', 'https']`. */
  readonly schemes: readonly string[];
  /** As in `http://host:port`. */
  readonly form: string;
  /** Of one that is written without it. @default it has to be there */
  readonly byDefault?: string;
}

/** A server. */
export function url({ schemes, form, byDefault }: UrlForm): Kind<string> {
  return {
    operand: 'url',
    wanted: `a URL such as ${form}`,
    read(text) {
      const whole = byDefault === undefined || /^\w+:\/\//.test(text) ? text : `${byDefault}://${text}`;
      const parsed = URL.canParse(whole) ? new URL(whole) : undefined;
      if (parsed === undefined || parsed.hostname === '' || !schemes.includes(parsed.protocol.slice(0, -1)))
        throw new Refusal();
      return text;
    },
    show: (text) => text,
  };
}
