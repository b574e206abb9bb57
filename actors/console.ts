/**
 * The console.
 *
 * In:   `event.calls.*`, `host.*.status`; inside, `function.changed`, `state.status`, `console.page|data|metrics`
 * Out:  the web page, its data and the metrics; `functions.describe` for functions it has only seen called
 * Owns: what it has seen: counts, and the calls of the last minutes
 * Never: changes anything, or is needed by a call
 */
import type { ControlSubjects } from '../proto/control-subjects.ts';
import type { StateStatus } from '../proto/messages.ts';
import type { HostId } from '../proto/names.ts';
import { toFunctionName, toUserName } from '../proto/names.ts';
import { privateSubjects } from '../proto/private-subjects.ts';
import type { PublicSubjects } from '../proto/public-subjects.ts';
import { expectAnswer, respondError } from '../src/bus/error-headers.ts';
import { type Bus, type BusMessage, emptyBody, type Headers, readBody, respond } from '../src/bus/port.ts';
import { Board } from '../src/console/board.ts';
import { createMetrics } from '../src/console/metrics.ts';
import { readPage } from '../src/console/page.ts';
import { toSeenCall } from '../src/console/seen-call.ts';
import { Tally } from '../src/console/tally.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../src/functions/messages.ts';
import type { Log } from '../src/log.ts';
import type { Clock } from '../src/power/port.ts';
import type { Readiness } from '../src/readiness.ts';
import { readHostStatus } from '../src/scheduler/messages.ts';
import { stateStatusCodec } from '../src/state/tier/messages.ts';
import type { StorageWatch } from '../src/storage/storage-watch.ts';
import { callEventsCodec } from '../src/worker-pool/messages.ts';

export interface ConsoleOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly control: ControlSubjects;
  readonly log: Log;
  /** The host whose calls are in the metrics; the page shows those of all. */
  readonly host: HostId;
  readonly readiness: Readiness;
  readonly storage: Pick<StorageWatch, 'damage'>;
}

/** How many live versions are asked for at once. */
const askedMax = 20;

export function startConsole({
  clock,
  bus,
  privateBus,
  subjects,
  control,
  log,
  host,
  readiness,
  storage,
}: ConsoleOptions): { stop(): void } {
  const board = new Board(host);
  const tally = new Tally();
  const metrics = createMetrics(tally, {
    host: () => board.ownStatus(),
    state: () => stateStatus,
    components: () => readiness.components(),
    damage: () => storage.damage(),
    drops: () => bus.drops.list(),
  });
  let stateStatus: StateStatus | undefined;
  const page = readPage();
  const pageHeaders: Headers = {
    'Content-Type': ['text/html; charset=utf-8'],
    'Content-Security-Policy': [page.policy],
    'Referrer-Policy': ['no-referrer'],
    'Cache-Control': ['no-cache'],
  };

  const subscriptions = [
    bus.subscribe(subjects.callEvents('*'), (message) => {
      for (const event of readBody(message, callEventsCodec)) {
        const call = toSeenCall(event);
        board.onCall(call, clock.wallMs());
        if (call.host === host) tally.add(call);
      }
    }),
    bus.subscribe(control.status('*'), (message) => {
      board.onHost(readHostStatus(message), clock.wallMs());
    }),
    privateBus.subscribe(privateSubjects.stateStatus(), (message) => {
      stateStatus = readBody(message, stateStatusCodec);
    }),
    privateBus.subscribe(privateSubjects.functionChanged(), (message) => {
      board.onFunction(readBody(message, functionChangedCodec));
    }),
    privateBus.subscribe(privateSubjects.console('page'), (message) =>
      respond(privateBus, message, page.html, pageHeaders),
    ),
    privateBus.subscribe(privateSubjects.console('data'), sendData),
    privateBus.subscribe(privateSubjects.console('metrics'), sendMetrics),
  ];

  return {
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  function sendData(message: BusMessage): void {
    for (const { user, name } of board.takeUnknown(askedMax)) void askVersion(user, name);
    const json = JSON.stringify(board.data(clock.wallMs()));
    respond(privateBus, message, Buffer.from(json), noStore('application/json'));
  }

  async function sendMetrics(message: BusMessage): Promise<void> {
    try {
      const text = await metrics.text();
      respond(privateBus, message, Buffer.from(text), noStore(metrics.contentType));
    } catch (thrown) {
      respondError(privateBus, message, thrown);
    }
  }

  /** A function that was live before this console began may have told nobody since. */
  async function askVersion(user: string, name: string): Promise<void> {
    try {
      const subject = subjects.functions('describe', toUserName(user), toFunctionName(name));
      const answer = expectAnswer(await bus.request(subject, emptyBody));
      const description = readBody(answer, functionDescriptionCodec);
      board.onFunction({ ...description, version: description.live });
    } catch (thrown) {
      log.debug({ function: `${user}/${name}`, err: thrown }, 'its live version is not known');
    }
  }
}

function noStore(contentType: string): Headers {
  return { 'Content-Type': [contentType], 'Cache-Control': ['no-store'] };
}
