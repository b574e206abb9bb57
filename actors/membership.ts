/**
 * The membership of this host in its cluster.
 *
 * In:   `host.*.status`; `host.<host>.instance` from a host that wants this one's name
 * Out:  `host.<host>.instance`, before this host takes its name; what is wrong, in the log and in its readiness
 * Owns: which hosts were said to differ from this one
 * Never: places a call, or keeps one
 */
import type { ControlSubjects } from '../proto/control-subjects.ts';
import { FaasmError } from '../proto/errors.ts';
import type { HostStatus } from '../proto/messages.ts';
import { type Bus, emptyBody, respond } from '../src/bus/port.ts';
import { differences } from '../src/hosts/stores.ts';
import type { Log } from '../src/log.ts';
import { readHostStatus } from '../src/scheduler/messages.ts';
import type { HostIdentity } from '../src/worker-pool/reports.ts';

export interface MembershipOptions {
  readonly bus: Bus;
  readonly control: ControlSubjects;
  readonly identity: HostIdentity;
  /** Called when another host is heard under this one's name. */
  onNamesake(why: string): void;
  readonly log: Log;
}

/** A host that has the name and is stopped answers nothing. */
const namesakeTimeoutMs = 2000;
/** Hosts that differ are named, until so many were. */
const namedMax = 20;

/** @throws FaasmError `conflict` when a host of this name is there already */
export async function joinCluster(options: MembershipOptions): Promise<{ leave(): void }> {
  const { bus, control, identity, onNamesake, log } = options;
  const { host, instance, stores } = identity;
  await refuseNamesake(options);
  const named = new Set<string>();
  const subscriptions = [
    bus.subscribe(control.instance(host), (message) => respond(bus, message, Buffer.from(instance))),
    bus.subscribe(control.status('*'), (message) => onStatus(readHostStatus(message))),
  ];
  await bus.flush();

  return {
    leave() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  function onStatus(status: HostStatus): void {
    if (status.instance === instance || named.has(status.instance) || named.size >= namedMax) return;
    if (status.host === host) {
      const why = `another host of this NATS system is named ${host} too: give one of them another FAASM_HOST_NAME`;
      log.error({ host }, why);
      onNamesake(why);
      named.add(status.instance);
      return;
    }
    for (const difference of differences(stores, status.stores)) {
      named.add(status.instance);
      log.error(
        { host, other: status.host },
        `host ${status.host}, of this NATS system too, has its ${difference}; or another FAASM_PREFIX`,
      );
    }
  }
}

async function refuseNamesake({ bus, control, identity: { host } }: MembershipOptions): Promise<void> {
  try {
    await bus.request(control.instance(host), emptyBody, { timeoutMs: namesakeTimeoutMs });
  } catch (thrown) {
    const { code } = FaasmError.from(thrown);
    // Nobody has it; or its connection is there still, and the host is not.
    if (code === 'no_responders' || code === 'deadline_exceeded') return;
    throw thrown;
  }
  throw new FaasmError(
    'conflict',
    `A host named ${host} is part of this NATS system already: give this one another FAASM_HOST_NAME, or none`,
  );
}
