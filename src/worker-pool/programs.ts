/**
 * The programs that calls run, so that a call need not ask the functions actor for one each time.
 *
 * A program is held while it is known, for the next call, and while there are calls that it was given to: a call that
 * was queued before a change still runs the old version. When neither is so, executors forget it and it is released.
 */
import { LRUCache } from 'lru-cache';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import type { Bus } from '../bus/port.ts';
import { askInside } from '../bus/private.ts';
import { type Program, programKey } from '../faaslet/program.ts';
import { programTopic } from '../functions/messages.ts';

/** A compiled program of 60 KB of wasm holds about 1 MB; so many of them a host can keep. */
const programsMax = 500;

export interface Programs {
  /**
   * The program of a version, at once when it is known, for one call: `ended` is to be told when the call has ended.
   * @throws FaasmError `not_found`, `bad_module`, `no_capacity`
   */
  get(user: UserName, name: FunctionName, version: string): Program | Promise<Program>;
  /** A call that got this program will not run it any more. */
  ended(program: Program): void;
  /** It is not the live version any more. */
  forget(key: string): void;
}

interface Held {
  readonly program: Program;
  release(): void;
  known: boolean;
  /** Calls that it was given to and that have not ended. */
  calls: number;
}

interface Asked {
  readonly answer: Promise<Held>;
  /** Calls that wait for the answer. */
  calls: number;
  superseded: boolean;
}

/** @param onDrop a program is no longer kept here, and need not be kept by executors */
export function createPrograms(privateBus: Bus, onDrop: (key: string) => void): Programs {
  const held = new Map<string, Held>();
  const known = new LRUCache<string, Held>({
    max: programsMax,
    dispose(each) {
      each.known = false;
      letGo(each);
    },
  });
  const wanted = new Map<string, Asked>();

  function letGo(each: Held): void {
    if (each.known || each.calls > 0) return;
    held.delete(each.program.key);
    onDrop(each.program.key);
    each.release();
  }

  function know(each: Held): Held {
    each.known = true;
    known.set(each.program.key, each);
    return each;
  }

  async function ask(key: string, user: UserName, name: FunctionName, version: string): Promise<Held> {
    const request = { user, name, version };
    try {
      const { program, release } = await askInside(
        privateBus,
        privateSubjects.program(),
        programTopic,
        request,
      );
      let each = held.get(program.key);
      if (each === undefined) held.set(program.key, (each = { program, release, known: false, calls: 0 }));
      else release();
      const { calls, superseded } = wanted.get(key)!;
      each.calls += calls;
      return superseded ? each : know(each);
    } finally {
      wanted.delete(key);
    }
  }

  return {
    get(user, name, version) {
      const key = programKey(user, name, version);
      const each = known.get(key) ?? held.get(key);
      if (each !== undefined) {
        if (!each.known) know(each);
        each.calls++;
        return each.program;
      }
      let asked = wanted.get(key);
      if (asked === undefined) {
        asked = { answer: ask(key, user, name, version), calls: 0, superseded: false };
        wanted.set(key, asked);
      }
      asked.calls++;
      asked.superseded = false;
      return asked.answer.then(({ program }) => program);
    },

    ended(program) {
      const each = held.get(program.key);
      if (each === undefined) return;
      each.calls--;
      letGo(each);
    },

    forget(key) {
      known.delete(key);
      const asked = wanted.get(key);
      if (asked !== undefined) asked.superseded = true;
    },
  };
}
