/** The way of calls that a host runs, as the program and its settings have it. */
import { toBoot, toResumed } from './boot-once.ts';
import { asCgi } from './cgi.ts';
import { byEntry } from './entry.ts';
import { byFoundingMain, isFounding } from './founding-main.ts';
import { orByPointer } from './pointer.ts';
import type { ChooseWay } from './way.ts';

export const toCallWay: ChooseWay = (instance) => {
  const { program } = instance;
  const { settings, proto } = program;
  let way = isFounding(program) ? byFoundingMain(instance) : byEntry(instance);
  if (proto?.boot !== undefined) way = toResumed(instance, proto.boot, way);
  else if (settings.bootOnce) way = toBoot(instance, way);
  way = orByPointer(instance, way);
  return settings.cgi ? asCgi(program, way) : way;
};
