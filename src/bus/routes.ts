/**
 * Who gets a message on a subject: every plain subscription that matches, and one member of every queue group.
 * Answers are remembered by subject until a subscription changes that could change them.
 */
import type { Random } from '../power/port.ts';
import type { BusMessage, Handler } from './port.ts';
import { isPattern, parseSubject } from './subject.ts';
import { SubjectTree } from './subject-tree.ts';

/** 4,096 subjects with their routes are about 1 MB; one more empties the memory. */
const remembered = 4096;

/** Inboxes are seen once or twice each and would only push others out. */
export const inboxRoot = '_INBOX.';

export interface Entry {
  readonly tokens: readonly string[];
  readonly handler: Handler;
  readonly queue: string | undefined;
  readonly origin: object | undefined;
  active: boolean;
}

export interface Group {
  readonly members: Entry[];
  /** The member before the next one to choose; counts on for ever. */
  turn: number;
}

export interface Route {
  readonly plain: readonly Entry[];
  readonly groups: readonly Group[];
  /** For a message without an origin. */
  readonly interest: Interest;
}

/**
 * `none`: nobody in this process. `shared`: plain subscriptions, which may have their like elsewhere.
 * `taken`: a queue group has it here, or it is an inbox and its owner is here.
 */
export type Interest = 'none' | 'shared' | 'taken';

export class Routes {
  readonly #tree = new SubjectTree<Entry>();
  readonly #known = new Map<string, Route>();
  readonly #random: Random;

  /** Chooses who of a queue group is first. */
  constructor(random: Random) {
    this.#random = random;
  }

  add(entry: Entry): void {
    this.#tree.add(entry.tokens, entry);
    this.#forget(entry);
  }

  remove(entry: Entry): void {
    this.#tree.remove(entry.tokens, entry);
    this.#forget(entry);
  }

  /** @throws FaasmError `bad_request` for a subject that cannot be published to */
  find(subject: string): Route {
    const known = this.#known.get(subject);
    if (known !== undefined) return known;
    const route = toRoute(subject, this.#tree.match(parseSubject(subject)), this.#random);
    if (!subject.startsWith(inboxRoot)) {
      if (this.#known.size >= remembered) this.#known.clear();
      this.#known.set(subject, route);
    }
    return route;
  }

  #forget(entry: Entry): void {
    if (isPattern(entry.tokens)) this.#known.clear();
    else this.#known.delete(entry.tokens.join('.'));
  }
}

export function interestOf(route: Route, subject: string, origin: object | undefined): Interest {
  if (origin === undefined) return route.interest;
  const plain = route.plain.filter((entry) => hears(entry, origin));
  const members = route.groups.flatMap((group) => group.members).filter((entry) => hears(entry, origin));
  return toInterest(subject, plain, members);
}

/** Calls everyone who gets the message; false when nobody does. */
export function deliver(
  route: Route,
  message: BusMessage,
  origin: object | undefined,
  call: (entry: Entry, message: BusMessage) => void,
): boolean {
  let heard = false;
  for (const entry of route.plain) {
    if (!hears(entry, origin)) continue;
    heard = true;
    call(entry, message);
  }
  for (const group of route.groups) {
    const entry = choose(group, origin);
    if (entry === undefined) continue;
    heard = true;
    call(entry, message);
  }
  return heard;
}

/** Of all who hear a reply subject, the one it most likely belongs to: that with the most literal tokens. */
export function closest(route: Route): Entry | undefined {
  const entries = [...route.plain, ...route.groups.flatMap((group) => group.members)];
  let best = entries[0];
  for (const entry of entries) if (literals(entry) > literals(best!)) best = entry;
  return best;
}

function choose(group: Group, origin: object | undefined): Entry | undefined {
  const { members } = group;
  for (let tries = 0; tries < members.length; tries++) {
    const entry = members[++group.turn % members.length]!;
    if (hears(entry, origin)) return entry;
  }
  return undefined;
}

function hears(entry: Entry, origin: object | undefined): boolean {
  return entry.active && (origin === undefined || entry.origin !== origin);
}

function toRoute(subject: string, entries: readonly Entry[], random: Random): Route {
  const plain = entries.filter((entry) => entry.queue === undefined);
  const members = entries.filter((entry) => entry.queue !== undefined);
  const groups = new Map<string, Group>();
  for (const entry of members) {
    const group = groups.get(entry.queue!);
    if (group !== undefined) group.members.push(entry);
    else groups.set(entry.queue!, { members: [entry], turn: Math.floor(random.unit() * 65536) });
  }
  return { plain, groups: [...groups.values()], interest: toInterest(subject, plain, members) };
}

function toInterest(subject: string, plain: readonly Entry[], members: readonly Entry[]): Interest {
  const taken = subject.startsWith(inboxRoot) ? plain.some(ownsInbox) : members.length > 0;
  if (taken) return 'taken';
  return plain.length + members.length > 0 ? 'shared' : 'none';
}

/** `_INBOX.x.*` belongs to somebody; `_INBOX.>` and `>` only listen in. */
function ownsInbox(entry: Entry): boolean {
  return entry.tokens[0] === '_INBOX' && entry.tokens[1] !== '*' && entry.tokens[1] !== '>';
}

function literals(entry: Entry): number {
  return entry.tokens.filter((token) => token !== '*' && token !== '>').length;
}
