/** A client of a simulated world: it asks one thing after the other, of any host, and the ledger knows what it was told. */
import { FaasmError } from '../../proto/errors.ts';
import { headers as names } from '../../proto/headers.ts';
import { type StateKey, toCallId, toFunctionName, toStateKey, type UserName } from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { type Bus, type BusMessage, emptyBody, readBody, toBytes } from '../../src/bus/port.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import { functionNames, tokenBytes } from './guests.ts';
import type { SimHost } from './host.ts';
import type { Accepted, Ledger } from './ledger.ts';
import type { SimRandom } from './random.ts';
import type { World } from './world.ts';

export interface ClientOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  readonly ledger: Ledger;
  readonly user: UserName;
  readonly name: string;
  readonly random: SimRandom;
  /** Between two things that it asks, at most. */
  readonly pauseMaxMs: number;
}

const subjects = createPublicSubjects();
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
/** It gives up then, whatever the host does. */
const patienceMs = 20_000;

/** Those whose call may fail although nothing is wrong. */
const failing: ReadonlySet<string> = new Set(['fail', 'trap', 'loop', 'hang']);

export class Client {
  readonly #options: ClientOptions;
  readonly #accepted: Accepted[] = [];
  readonly #register: StateKey;
  #last = 0;
  #isStopped = false;
  readonly ended: Promise<void>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#register = toStateKey(`register-${options.name}`);
    this.ended = this.#live();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #live(): Promise<void> {
    const { world, random, pauseMaxMs } = this.#options;
    const works = [
      () => this.#invoke(),
      () => this.#invoke(),
      () => this.#invoke(),
      () => this.#submit(),
      () => this.#submit(),
      () => this.#ask(),
      () => this.#cancel(),
      () => this.#write(),
      () => this.#read(),
      () => this.#append(),
    ];
    while (!this.#isStopped) {
      await world.sleep(random.between(0, pauseMaxMs));
      await random.pick(works)();
    }
  }

  #new(): string {
    return `${this.#options.user}.${this.#options.name}.${++this.#last}`;
  }

  #host(): SimHost | undefined {
    const up = this.#options.hosts.filter(({ bus }) => bus !== undefined);
    return up.length === 0 ? undefined : this.#options.random.pick(up);
  }

  async #invoke(): Promise<void> {
    const { random, user, ledger } = this.#options;
    const host = this.#host();
    if (host?.bus === undefined) return;
    const name = random.pick(functionNames);
    const input = this.#new();
    const id = toCallId(`${user}-${random.bytes(17).toString('base64url').slice(0, 22)}`, user);
    const timeout = random.chance(0.2) ? { [names.timeout]: [`${random.below(900) + 100}ms`] } : {};
    const headers = { [names.callId]: [id], ...timeout };
    const answer = await this.#request(
      host.bus,
      subjects.invoke(user, toFunctionName(name)),
      bytes(input),
      headers,
    );
    if (answer === undefined) return;
    if (failing.has(name)) ledger.failed(`${name} was answered well`);
    ledger.answered(user, name, input, toBytes(answer.body));
    ledger.ranOnce(id, name);
  }

  async #submit(): Promise<void> {
    const { random, user, ledger } = this.#options;
    const host = this.#host();
    if (host?.bus === undefined) return;
    const name = random.pick(functionNames);
    const input = this.#new();
    const timeout = random.chance(0.2) ? { [names.timeout]: [`${random.below(1900) + 100}ms`] } : {};
    const answer = await this.#request(
      host.bus,
      subjects.async(user, toFunctionName(name)),
      bytes(input),
      timeout,
    );
    if (answer === undefined) return;
    const { id } = readBody(answer, callStatusCodec);
    const accepted = { id, host: host.name, user, function: name, input, end: undefined };
    ledger.accept(accepted);
    this.#accepted.push(accepted);
  }

  /** What has become of a call. */
  async #ask(): Promise<void> {
    const { random, user, ledger } = this.#options;
    if (this.#accepted.length === 0) return;
    const call = random.pick(this.#accepted);
    const bus = this.#busOf(call);
    if (bus === undefined) return;
    const answer = await this.#request(bus, subjects.calls('status', user, call.id), emptyBody);
    if (answer === undefined) return;
    const status = readBody(answer, callStatusCodec);
    ledger.seenStatus(status);
    if (status.state !== 'succeeded') return;
    const output = await this.#request(bus, subjects.calls('output', user, call.id), emptyBody);
    if (output !== undefined) ledger.answered(user, call.function, call.input, toBytes(output.body));
  }

  async #cancel(): Promise<void> {
    const { random, user, ledger } = this.#options;
    if (this.#accepted.length === 0 || random.chance(0.5)) return;
    const call = this.#accepted.at(-1)!;
    const bus = this.#busOf(call);
    if (bus === undefined) return;
    const answer = await this.#request(bus, subjects.calls('cancel', user, call.id), emptyBody);
    if (answer !== undefined) ledger.seenStatus(readBody(answer, callStatusCodec));
  }

  async #write(): Promise<void> {
    const { user, ledger } = this.#options;
    const bus = this.#host()?.bus;
    if (bus === undefined) return;
    const key = this.#register;
    const value = `${user} ${this.#new()}`;
    const write = ledger.begunWrite(`${user}/${key}`, value);
    const answer = await this.#request(bus, subjects.state('set', user, key), bytes(value));
    if (answer !== undefined) ledger.acknowledgedWrite(write);
  }

  async #read(): Promise<void> {
    const { world, user, ledger } = this.#options;
    const bus = this.#host()?.bus;
    if (bus === undefined) return;
    const key = this.#register;
    const startMs = world.nowMs;
    const subject = subjects.state('get', user, key);
    try {
      const answer = await this.#asked(bus, subject, emptyBody);
      const value = answer && Buffer.from(toBytes(expectAnswer(answer).body)).toString();
      if (value !== undefined) ledger.seenValue(`${user}/${key}`, value, startMs);
    } catch (thrown) {
      if (FaasmError.from(thrown).code === 'not_found')
        ledger.seenValue(`${user}/${key}`, undefined, startMs);
    }
  }

  async #append(): Promise<void> {
    const { user, ledger } = this.#options;
    const bus = this.#host()?.bus;
    if (bus === undefined) return;
    const key = toStateKey('appended');
    const token = this.#new().padEnd(tokenBytes).slice(0, tokenBytes);
    ledger.begunToken(user, key, token);
    const answer = await this.#request(bus, subjects.state('append', user, key), bytes(token));
    if (answer !== undefined) ledger.acknowledgedToken(user, key, token);
  }

  #busOf(call: Accepted): Bus | undefined {
    return this.#options.hosts.find(({ name }) => name === call.host)?.bus;
  }

  /** Nothing where it failed: it may have been done, or not. */
  async #request(
    bus: Bus,
    subject: string,
    body: Uint8Array,
    headers?: Record<string, readonly string[]>,
  ): Promise<BusMessage | undefined> {
    const { ledger } = this.#options;
    try {
      const answer = await this.#asked(bus, subject, body, headers);
      if (answer === undefined) ledger.count('no answer');
      return answer && expectAnswer(answer);
    } catch (thrown) {
      ledger.count(`error ${FaasmError.from(thrown).code}`);
      return undefined;
    }
  }

  async #asked(
    bus: Bus,
    subject: string,
    body: Uint8Array,
    headers?: Record<string, readonly string[]>,
  ): Promise<BusMessage | undefined> {
    const { world } = this.#options;
    const late = Promise.withResolvers<undefined>();
    const timer = world.after(patienceMs, world.own, 'patience', () => late.resolve(undefined));
    try {
      return await Promise.race([bus.request(subject, body, { headers, timeoutMs: 15_000 }), late.promise]);
    } finally {
      world.cancel(timer);
    }
  }
}
