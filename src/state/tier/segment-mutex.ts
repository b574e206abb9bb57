/**
 * The mutex of a segment. Its word holds the owner's number, so that the state actor can open it when the thread that
 * had it is gone. It is held for one copy in memory, never while anything is waited for.
 */
import { setImmediate } from 'node:timers/promises';
import { FaasmError } from '../../../proto/errors.ts';
import { steadyMs } from '../../clock.ts';
import { type SegmentView, word } from './segment.ts';

/** The state actor's own number. Executors get theirs from it. */
export const stateActorOwner = 1;

/** About as long as a copy of 64 KiB. */
const spins = 200;
/** Far more than the copy of the largest value: whoever holds it longer is lost. */
const waitMaxMs = 30_000;

/** Runs `work` alone, waiting in place. @param owner over 0 @throws FaasmError `deadline_exceeded` */
export function withMutex<T>(view: SegmentView, owner: number, work: () => T): T {
  lock(view, owner);
  try {
    return work();
  } finally {
    unlock(view, owner);
  }
}

/** The same for the main thread, which must not stand still: others may need it to open the mutex. */
export async function withMutexLater<T>(view: SegmentView, work: () => T): Promise<T> {
  const endMs = steadyMs() + waitMaxMs;
  while (!tryLock(view, stateActorOwner)) {
    if (steadyMs() > endMs) throw stuck(view);
    await setImmediate();
  }
  try {
    return work();
  } finally {
    unlock(view, stateActorOwner);
  }
}

/** Opens the mutex if this owner has it. */
export function breakMutex(view: SegmentView, owner: number): boolean {
  return unlock(view, owner);
}

function tryLock({ words }: SegmentView, owner: number): boolean {
  return Atomics.compareExchange(words, word.mutex, 0, owner) === 0;
}

function lock(view: SegmentView, owner: number): void {
  for (let spin = 0; spin < spins; spin++) if (tryLock(view, owner)) return;
  const { words } = view;
  const endMs = steadyMs() + waitMaxMs;
  Atomics.add(words, word.waiters, 1);
  try {
    for (;;) {
      const holder = Atomics.compareExchange(words, word.mutex, 0, owner);
      if (holder === 0) return;
      if (steadyMs() > endMs) throw stuck(view);
      Atomics.wait(words, word.mutex, holder, 1000);
    }
  } finally {
    Atomics.sub(words, word.waiters, 1);
  }
}

function unlock({ words }: SegmentView, owner: number): boolean {
  if (Atomics.compareExchange(words, word.mutex, owner, 0) !== owner) return false;
  if (Atomics.load(words, word.waiters) > 0) Atomics.notify(words, word.mutex, 1);
  return true;
}

function stuck({ words }: SegmentView): FaasmError {
  return new FaasmError(
    'deadline_exceeded',
    `A state value was locked for ${waitMaxMs} ms by owner ${words[word.mutex]}; stop that executor`,
  );
}
