/** The programs that calls ran lately, so that a call need not ask the functions actor for one each time. */
import { LRUCache } from 'lru-cache';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, readBody } from '../bus/port.ts';
import { type Program, programKey } from '../faaslet/program.ts';
import { programCodec } from '../functions/messages.ts';

/** A compiled program of 60 KB of wasm holds about 1 MB; so many of them a host can keep. */
const programsMax = 500;

export interface Programs {
  /** The live program of a function, at once when it is known. @throws FaasmError `not_found`, `bad_module` */
  get(user: UserName, name: FunctionName, version: string): Program | Promise<Program>;
  forget(key: string): void;
}

/** @param onDrop a program is no longer kept here, and need not be kept by executors */
export function createPrograms(bus: Bus, subjects: Subjects, onDrop: (key: string) => void): Programs {
  const known = new LRUCache<string, Program>({ max: programsMax, dispose: (_program, key) => onDrop(key) });
  const wanted = new Map<string, Promise<Program>>();

  async function ask(key: string, user: UserName, name: FunctionName): Promise<Program> {
    const subject = subjects.functions('program', user, name);
    const answer = expectAnswer(await bus.request(subject, emptyBody, { timeoutMs: 0 }));
    const program = readBody(answer, programCodec);
    known.set(program.key, program);
    wanted.delete(key);
    return program;
  }

  return {
    get(user, name, version) {
      const key = programKey(user, name, version);
      const program = known.get(key);
      if (program !== undefined) return program;
      let asked = wanted.get(key);
      if (asked === undefined) {
        asked = ask(key, user, name);
        wanted.set(key, asked);
        asked.catch(() => wanted.delete(key));
      }
      return asked;
    },
    forget: (key) => known.delete(key),
  };
}
