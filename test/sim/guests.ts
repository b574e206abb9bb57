/** What guests of a simulated world do. Inputs and outputs are texts that name their user and are never the same. */
import { type StateKey, toStateKey } from '../../proto/names.ts';
import { type Guest, guestFailure, type Script } from './executor.ts';

/** What guests did that was acknowledged to them. */
export interface GuestObserver {
  appended(user: string, key: StateKey, token: string): void;
  counted(user: string, key: StateKey, value: number): void;
  /** Written in memory of a host, to be durable when that stops. @returns what is told that it is written */
  scribbles(host: string, user: string, key: StateKey, value: string): () => void;
  failed(what: string): void;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
/** Of appended tokens, each. */
export const tokenBytes = 24;

/** What a call of a function with this input is answered with. */
export const answerOf = (name: string, user: string, input: string): string => `${name} of ${user}: ${input}`;

const answer = ({ call }: Guest): Uint8Array => bytes(answerOf(call.function, call.user, text(call.input)));

async function awaited(guest: Guest, name: string, input: string): Promise<void> {
  const handle = guest.chain(name, bytes(input));
  const { returnValue, output } = await guest.await(handle);
  if (returnValue !== 0) throw guestFailure('guest_returned', 3);
  const expected = answerOf(name, guest.call.user, input);
  if (text(output) !== expected) throw new Error(`awaited ${expected}, got ${text(output)}`);
}

export function createScripts(observer: GuestObserver): Readonly<Record<string, Script>> {
  return {
    async echo(guest) {
      return answer(guest);
    },

    /** Says which version of it this is. */
    async versioned(guest) {
      await guest.compute(guest.random.between(0, 5));
      return bytes(guest.version);
    },

    async slow(guest) {
      await guest.compute(guest.random.between(1, 60));
      await guest.sleep(guest.random.between(1, 800));
      return answer(guest);
    },

    /** Left to be made when it has ended. */
    async chain(guest) {
      for (let at = 0; at < 3; at++) guest.chain('echo', bytes(`${text(guest.call.input)} left ${at}`));
      return answer(guest);
    },

    async awaits(guest) {
      const input = text(guest.call.input);
      await awaited(guest, 'echo', `${input} first`);
      guest.chain('slow', bytes(`${input} beside`));
      await awaited(guest, 'slow', `${input} second`);
      return answer(guest);
    },

    /** Chains itself until it may not. */
    async deep(guest) {
      await awaited(guest, 'deep', `${text(guest.call.input)}.`).catch(() => {});
      return answer(guest);
    },

    async fail() {
      throw guestFailure('guest_returned', 7);
    },

    async trap(guest) {
      await guest.compute(5);
      throw guestFailure('guest_trapped', 1);
    },

    /** Takes its executor with it, each time. */
    async crash(guest) {
      guest.crash();
      return await guest.wait(new Promise<never>(() => {}));
    },

    /** Computes for ever: it is killed. */
    async loop(guest) {
      await guest.compute(Number.POSITIVE_INFINITY);
      return answer(guest);
    },

    /** Waits for ever: it is cancelled. */
    async hang(guest) {
      return await guest.wait(new Promise<never>(() => {}));
    },

    async append(guest) {
      const { user, input } = guest.call;
      const key = toStateKey(`log-${input.length % 2}`);
      const token = text(input).padEnd(tokenBytes).slice(0, tokenBytes);
      await guest.wait(guest.state.append(key, bytes(token)));
      observer.appended(user, key, token);
      return answer(guest);
    },

    /** Counts under a lock of all hosts: no count is lost, none is there twice. */
    async count(guest) {
      const { user } = guest.call;
      const key = toStateKey('count');
      await guest.wait(guest.state.lockWrite(key));
      await guest.wait(guest.state.pull(key));
      const into = new Uint8Array(64);
      const read = await guest.wait(guest.state.read(key, 0, () => into));
      const before = text(into.subarray(0, read));
      if (before !== '' && !before.startsWith(`${user} `)) observer.failed(`${user} reads ${before}`);
      const value = Number(before.split(' ')[1] ?? 0) + 1;
      await guest.sleep(guest.random.between(0, guest.random.chance(0.2) ? 3500 : 30));
      await guest.wait(guest.state.write(key, bytes(`${user} ${value}`), true));
      observer.counted(user, key, value);
      await guest.wait(guest.state.unlock(key));
      return answer(guest);
    },

    /** Writes in memory, which is pushed later. */
    async scribble(guest) {
      const { host, user } = guest.call;
      const key = toStateKey(`scribble-${host}`);
      const value = `${user} ${text(guest.call.input)}`;
      const written = observer.scribbles(host, user, key, value);
      await guest.wait(guest.state.write(key, bytes(value), false));
      written();
      const into = new Uint8Array(256);
      const read = await guest.wait(guest.state.read(key, 0, () => into));
      const found = text(into.subarray(0, read));
      if (!found.startsWith(`${user} `)) observer.failed(`${user} reads ${found}`);
      return answer(guest);
    },
  };
}

export const functionNames = Object.keys(
  createScripts({ appended() {}, counted() {}, scribbles: () => () => {}, failed() {} }),
);
