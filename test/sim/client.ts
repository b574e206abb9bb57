/** A client of a simulated world: it asks one thing after the other, of any host, and the ledger knows what it was told. */
import { createHash } from 'node:crypto';
import { FaasmError } from '../../proto/errors.ts';
import { type FileToken, toFilePath, toFileToken } from '../../proto/file-path.ts';
import { noSettings } from '../../proto/function-settings.ts';
import { headers as names, resourceHeaders } from '../../proto/headers.ts';
import {
  type CallId,
  type StateKey,
  toCallId,
  toFunctionName,
  toStateKey,
  type UserName,
} from '../../proto/names.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { type Bus, type BusMessage, emptyBody, readBody, toBytes } from '../../src/bus/port.ts';
import { messageIdHeader } from '../../src/calls/idempotency-key.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import { versionOf } from '../../src/functions/version.ts';
import { functionNames, tokenBytes } from './guests.ts';
import type { SimHost } from './host.ts';
import type { Accepted, Ledger } from './ledger.ts';
import type { SimRandom } from './random.ts';
import type { World } from './world.ts';

export interface ClientOptions {
  readonly world: World;
  readonly hosts: readonly SimHost[];
  /** Its own connection to the system of the hosts. */
  readonly wire: Bus;
  /** Whether it alone makes new versions for its user. */
  readonly isUploader: boolean;
  /** Whether no host is ever out of reach of another. */
  readonly areAllReached: boolean;
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

/** Nobody asks anything that these are the answers to. */
const neverRight: ReadonlySet<string> = new Set(['bad_request', 'bad_message', 'bad_name', 'internal']);

interface Place {
  readonly bus: Bus | undefined;
  readonly host: string | undefined;
}

/** Those that are answered as every time. */
const asked = functionNames.filter((name) => name !== 'versioned');
/** Those whose call may fail although nothing is wrong. */
const failing: ReadonlySet<string> = new Set(['fail', 'trap', 'crash', 'loop', 'hang']);

export class Client {
  readonly #options: ClientOptions;
  readonly #accepted: Accepted[] = [];
  readonly #register: StateKey;
  readonly #file: FileToken;
  #last = 0;
  #isStopped = false;
  readonly ended: Promise<void>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#register = toStateKey(`register-${options.name}`);
    this.#file = toFileToken(toFilePath(`files/${options.name}`));
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
      () => this.#writeInParts(),
      () => this.#delete(),
      () => this.#read(),
      () => this.#read(),
      () => this.#append(),
      () => this.#writeFile(),
      () => this.#readFile(),
      () => this.#upload(),
      () => this.#invokeVersion(),
      () => this.#readCount(),
    ];
    while (!this.#isStopped) {
      await world.sleep(random.between(0, pauseMaxMs));
      await random.pick(works)();
    }
  }

  #new(): string {
    return `${this.#options.user}.${this.#options.name}.${++this.#last}`;
  }

  #newId(): CallId {
    const { random, user } = this.#options;
    return toCallId(`${user}-${random.bytes(17).toString('base64url').slice(0, 22)}`, user);
  }

  #host(): SimHost | undefined {
    const up = this.#options.hosts.filter(({ bus }) => bus !== undefined);
    return up.length === 0 ? undefined : this.#options.random.pick(up);
  }

  /** Where it is said: at a host, or by a connection of its own to the system of all hosts. */
  #place(): Place {
    const { random, wire } = this.#options;
    if (random.chance(0.2)) return { bus: wire, host: undefined };
    const host = this.#host();
    return { bus: host?.bus, host: host?.name };
  }

  async #invoke(): Promise<void> {
    const { random, user, ledger } = this.#options;
    const { bus, host } = this.#place();
    const name = random.pick(asked);
    const input = this.#new();
    const ids = [this.#newId()];
    const timeout = random.chance(0.2) ? { [names.timeout]: [`${random.below(900) + 100}ms`] } : {};
    // A host knows by its key a call that it has had; others do not.
    const isKeyed = host !== undefined && random.chance(0.2);
    const key = isKeyed ? { [messageIdHeader]: [input] } : {};
    const subject = subjects.invoke(user, toFunctionName(name));
    const send = (id: CallId): Promise<BusMessage | undefined> =>
      this.#request(bus, subject, bytes(input), { [names.callId]: [id], ...timeout, ...key });
    let answers = [await send(ids[0]!)];
    if (isKeyed) {
      ids.push(this.#newId());
      answers = [...answers, await send(ids[1]!)];
    }
    const good = answers.filter((answer) => answer !== undefined);
    for (const answer of good) {
      if (failing.has(name)) ledger.failed(`${name} was answered well`);
      ledger.answered(user, name, input, toBytes(answer.body));
    }
    if (good.length === ids.length) ledger.ranOnce(name, ...ids);
  }

  async #submit(): Promise<void> {
    const { random, user, ledger } = this.#options;
    const { bus, host } = this.#place();
    const name = random.pick(asked);
    const input = this.#new();
    const timeout = random.chance(0.2) ? { [names.timeout]: [`${random.below(1900) + 100}ms`] } : {};
    const isKeyed = host !== undefined && random.chance(0.3);
    const key = isKeyed ? { [messageIdHeader]: [input] } : {};
    const subject = subjects.async(user, toFunctionName(name));
    for (let times = isKeyed ? 2 : 1; times > 0; times--) {
      const answer = await this.#request(bus, subject, bytes(input), { ...timeout, ...key });
      if (answer === undefined) continue;
      const { id } = readBody(answer, callStatusCodec);
      const before = this.#accepted.at(-1);
      if (before?.input === input) {
        if (before.id !== id) ledger.failed(`${name} ${input} was accepted as ${before.id} and as ${id}`);
        continue;
      }
      const accepted = { id, host, user, function: name, input, end: undefined };
      ledger.accept(accepted);
      this.#accepted.push(accepted);
    }
  }

  /** What has become of a call. */
  async #ask(): Promise<void> {
    const { random, user, ledger } = this.#options;
    if (this.#accepted.length === 0) return;
    const call = random.pick(this.#accepted);
    const bus = this.#busOf(call);
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
    const answer = await this.#request(this.#busOf(call), subjects.calls('cancel', user, call.id), emptyBody);
    if (answer !== undefined) ledger.seenStatus(readBody(answer, callStatusCodec));
  }

  async #write(): Promise<void> {
    const { user, ledger } = this.#options;
    const value = `${user} ${this.#new()}`;
    const write = ledger.begunWrite(`${user}/${this.#register}`, value);
    const subject = subjects.state('set', user, this.#register);
    const answer = await this.#request(this.#place().bus, subject, bytes(value));
    if (answer !== undefined) ledger.acknowledgedWrite(write);
  }

  /** Of a value that arrives in parts nothing is seen before the last one. */
  async #writeInParts(): Promise<void> {
    const { user, ledger } = this.#options;
    const bus = this.#host()?.bus;
    const upload = this.#new().replaceAll('.', '-');
    const value = `${user} ${upload} in parts`;
    const write = ledger.begunWrite(`${user}/${this.#register}`, value);
    const subject = subjects.state('set', user, this.#register);
    const half = value.length >> 1;
    for (const [offset, text] of [
      [0, value.slice(0, half)],
      [half, value.slice(half)],
    ] as const) {
      const answer = await this.#request(bus, subject, bytes(text), {
        [resourceHeaders.uploadId]: [upload],
        [resourceHeaders.offset]: [`${offset}`],
        ...(offset > 0 && { [resourceHeaders.uploadCommit]: [`${value.length}`] }),
      });
      if (answer === undefined) return;
    }
    ledger.acknowledgedWrite(write);
  }

  async #delete(): Promise<void> {
    const { user, ledger } = this.#options;
    const write = ledger.begunWrite(`${user}/${this.#register}`, undefined);
    const subject = subjects.state('delete', user, this.#register);
    const answer = await this.#request(this.#place().bus, subject, emptyBody);
    if (answer !== undefined) ledger.acknowledgedWrite(write);
  }

  async #read(): Promise<void> {
    const { user } = this.#options;
    const subject = subjects.state('get', user, this.#register);
    await this.#look(this.#place().bus, subject, `${user}/${this.#register}`);
  }

  async #append(): Promise<void> {
    const { user, ledger } = this.#options;
    const key = toStateKey('appended');
    const token = this.#new().padEnd(tokenBytes).slice(0, tokenBytes);
    const { bus, host } = this.#place();
    ledger.begunToken(user, key, token, host === undefined ? 2 : 1);
    const answer = await this.#request(bus, subjects.state('append', user, key), bytes(token));
    if (answer !== undefined) ledger.acknowledgedToken(user, key, token);
  }

  /** What a guest of any host was told to be written is read at all of them. */
  async #readCount(): Promise<void> {
    const { user, ledger } = this.#options;
    const key = toStateKey('count');
    const most = ledger.countedTo(user, key);
    const answer = await this.#request(this.#place().bus, subjects.state('get', user, key), emptyBody);
    if (answer === undefined) return;
    const value = Buffer.from(toBytes(answer.body)).toString();
    const [, number = 0] = value.split(' ');
    if (Number(number) < most) ledger.failed(`${user} reads ${value}, and had counted to ${most}`);
  }

  /** Files are each host's own here. */
  async #writeFile(): Promise<void> {
    const { user, ledger, random } = this.#options;
    const host = this.#host();
    if (host === undefined) return;
    const isDelete = random.chance(0.3);
    const value = isDelete ? undefined : `${user} ${this.#new()}`;
    const write = ledger.begunWrite(this.#fileName(host), value);
    const subject = subjects.files(isDelete ? 'delete' : 'put', user, this.#file);
    const answer = await this.#request(host.bus, subject, bytes(value ?? ''));
    if (answer !== undefined) ledger.acknowledgedWrite(write);
  }

  async #readFile(): Promise<void> {
    const host = this.#host();
    if (host === undefined) return;
    const subject = subjects.files('get', this.#options.user, this.#file);
    await this.#look(host.bus, subject, this.#fileName(host));
  }

  #fileName(host: SimHost): string {
    return `${this.#options.user}/file of ${this.#options.name} on ${host.name}`;
  }

  async #upload(): Promise<void> {
    const { user, ledger, isUploader } = this.#options;
    if (!isUploader) return;
    const module = bytes(this.#new());
    const version = versionOf(createHash('sha256').update(module).digest('hex'), noSettings);
    const write = ledger.begunUpload(user, version);
    const subject = subjects.functions('upload', user, toFunctionName('versioned'));
    const answer = await this.#request(this.#host()?.bus, subject, module);
    if (answer !== undefined) ledger.acknowledgedWrite(write);
  }

  async #invokeVersion(): Promise<void> {
    const { world, user, ledger, areAllReached } = this.#options;
    const startMs = world.nowMs;
    const subject = subjects.invoke(user, toFunctionName('versioned'));
    const answer = await this.#request(this.#place().bus, subject, bytes(this.#new()));
    if (answer === undefined) return;
    ledger.seenVersion(user, Buffer.from(toBytes(answer.body)).toString(), startMs, areAllReached);
  }

  async #look(bus: Bus | undefined, subject: string, name: string): Promise<void> {
    const { world, ledger } = this.#options;
    const startMs = world.nowMs;
    try {
      const answer = await this.#asked(bus, subject, emptyBody);
      if (answer === undefined) return;
      ledger.seenValue(name, Buffer.from(toBytes(expectAnswer(answer).body)).toString(), startMs);
    } catch (thrown) {
      if (FaasmError.from(thrown).code === 'not_found') ledger.seenValue(name, undefined, startMs);
    }
  }

  #busOf(call: Accepted): Bus | undefined {
    return this.#options.hosts.find(({ name }) => name === call.host)?.bus;
  }

  /** Nothing where it failed: it may have been done, or not. */
  async #request(
    bus: Bus | undefined,
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
      const { code, message } = FaasmError.from(thrown);
      if (neverRight.has(code)) ledger.failed(`${subject} was answered ${code}: ${message}`);
      ledger.refused(subject, code);
      return undefined;
    }
  }

  async #asked(
    bus: Bus | undefined,
    subject: string,
    body: Uint8Array,
    headers?: Record<string, readonly string[]>,
  ): Promise<BusMessage | undefined> {
    const { world } = this.#options;
    if (bus === undefined) return undefined;
    const late = Promise.withResolvers<undefined>();
    const timer = world.after(patienceMs, world.own, 'patience', () => late.resolve(undefined));
    try {
      return await Promise.race([bus.request(subject, body, { headers, timeoutMs: 15_000 }), late.promise]);
    } finally {
      world.cancel(timer);
    }
  }
}
