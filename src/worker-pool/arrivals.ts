/** What comes: calls, which get their programs first and may be cancelled meanwhile, initialisations, cancellations. */
import { type Call, fromCallError } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { type CallId, toCallId, toUserName, type UserName } from '../../proto/names.ts';
import { tokensAfter } from '../../proto/subjects.ts';
import { respondError } from '../bus/error-headers.ts';
import { type Bus, type BusMessage, emptyBody, readBody } from '../bus/port.ts';
import type { Program } from '../faaslet/program.ts';
import type { Catalog } from '../functions/catalog.ts';
import type { Clock } from '../power/port.ts';
import type { ChainedCalls } from './chained-calls.ts';
import type { PoolMessage } from './decide.ts';
import { cancelled } from './endings.ts';
import type { Jobs } from './jobs.ts';
import { initializeTopic } from './messages.ts';
import type { Programs } from './programs.ts';
import type { PoolState } from './state.ts';

export interface ArrivalsOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly state: PoolState;
  readonly catalog: Catalog;
  readonly programs: Programs;
  readonly jobs: Jobs;
  readonly chained: ChainedCalls;
  newCallId(user: UserName): CallId;
  /** Tells the core. */
  step(message: PoolMessage): void;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** Calls whose program is being loaded. */
  readonly #coming = new Map<CallId, 'wanted' | 'cancelled'>();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  call(message: BusMessage, call: Call): void | Promise<void> {
    const { bus, catalog, programs } = this.#options;
    const { id, user, function: name } = call;
    const version = call.version ?? catalog.version(user, name);
    if (version === undefined) {
      respondError(bus, message, new FaasmError('not_found', `There is no function ${user}/${name}`));
      return;
    }
    const program = programs.get(user, name, version);
    if (!(program instanceof Promise)) return this.#accept(call, program, message, false);
    this.#coming.set(id, 'wanted');
    return program
      .then(
        (ready) => {
          if (this.#coming.get(id) === 'wanted') return this.#accept(call, ready, message, false);
          programs.ended(ready);
          respondError(bus, message, fromCallError(cancelled({ name: `${user}/${name}` })));
        },
        (error: unknown) => respondError(bus, message, error),
      )
      .finally(() => this.#coming.delete(id));
  }

  initialize(message: BusMessage): void {
    const { program, deadlineMs } = readBody(message, initializeTopic.question);
    const { user, function: name } = program;
    const id = this.#options.newCallId(user);
    const call = { id, user, function: name, input: emptyBody, rootId: id, depth: 0, deadlineMs };
    this.#accept(call, program, message, true);
  }

  /** A call, and what is left of the tree that it is the root of. */
  cancel({ subject }: BusMessage): void {
    const { clock, chained, step } = this.#options;
    const [user = '', token = ''] = tokensAfter(subject, 1);
    const id = toCallId(token, toUserName(user));
    if (this.#coming.has(id)) this.#coming.set(id, 'cancelled');
    step({ type: 'cancel', id, nowMs: clock.steadyMs() });
    chained.cancelTree(id);
  }

  #accept(call: Call, program: Program, message: BusMessage, initializes: boolean): void {
    const { clock, bus, state, programs, jobs, step } = this.#options;
    // One that was answered already, as when it was cancelled, is on its executor until that lets go of it.
    if (state.calls.has(call.id)) {
      if (!initializes) programs.ended(program);
      respondError(bus, message, new FaasmError('conflict', `A call with id ${call.id} is running already`));
      return;
    }
    const nowMs = clock.steadyMs();
    const arrivedMs = clock.monotonicMs();
    jobs.add({ call, program, message, arrivedMs, initializes, executor: undefined });
    step({
      type: 'call',
      nowMs,
      work: {
        id: call.id,
        user: call.user,
        name: `${call.user}/${call.function}`,
        version: program.key,
        deadlineMs: call.deadlineMs,
        root: call.rootId,
        chained: call.depth > 0,
      },
    });
  }
}
