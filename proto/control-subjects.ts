/**
 * What hosts say to each other, all of it below `<prefix>.host`: a listener of a host lets no client speak or hear
 * there, and a NATS system is closed to clients by denying them `<prefix>.host.>`. What arrives is checked all the same,
 * and where hosts have a key, it is signed.
 */
import type { FunctionName, HostId, UserName } from './names.ts';

export interface ControlSubjects {
  /** Whether a subject, or a whole pattern, is one of hosts among themselves. */
  includes(subject: string): boolean;
  /**
   * work. A placed call for this host: protobuf Call, answered with protobuf CallResult. Its deadline is in milliseconds
   * from its arrival.
   */
  call(host: HostId | '*'): string;
  /** broadcast. Heartbeat of this host: capacity, load, warm functions; msgpack HostStatus. */
  status(host: HostId | '*'): string;
  /** work. This host gives its instance, so that no other one takes its name. */
  instance(host: HostId | '*'): string;
  /** Answers to what this host has told the others, numbered: each is the name of a host that has heard it. */
  heard(host: HostId, tale: string): string;
  /** broadcast. On this host a version went live, or was deleted; msgpack FunctionChanged. */
  functionChanged(host: HostId | '*', user: UserName | '*', fn: FunctionName | '*'): string;
  /** broadcast. On this host a shared file of the user changed; msgpack FileChanged. */
  fileChanged(host: HostId | '*', user: UserName | '*'): string;
}

export function createControlSubjects(prefix = 'faasm'): ControlSubjects {
  const root = `${prefix}.host.`;
  return {
    includes: (subject) => subject.startsWith(root),
    call: (host) => `${root}${host}.call`,
    status: (host) => `${root}${host}.status`,
    instance: (host) => `${root}${host}.instance`,
    heard: (host, tale) => `${root}${host}.heard.${tale}`,
    functionChanged: (host, user, fn) => `${root}${host}.function.${user}.${fn}`,
    fileChanged: (host, user) => `${root}${host}.file.${user}`,
  };
}
