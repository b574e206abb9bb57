/** The settings of functions that requests are for, kept until they change: whether one is a CGI program, and who may call it. */
import { type FunctionSettings, noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { Subjects } from '../../proto/subjects.ts';
import { fromErrorHeaders } from '../bus/error-headers.ts';
import { type Bus, emptyBody, readBody, type Subscription } from '../bus/port.ts';
import { functionChangedCodec, functionDescriptionCodec } from '../functions/messages.ts';

/** Beyond it all are asked for anew. */
const knownMax = 10_000;

export class KnownSettings {
  readonly #bus: Bus;
  readonly #subjects: Subjects;
  readonly #known = new Map<string, FunctionSettings>();
  readonly #subscription: Subscription;
  #changes = 0;

  constructor(bus: Bus, subjects: Subjects) {
    this.#bus = bus;
    this.#subjects = subjects;
    this.#subscription = bus.subscribe(subjects.functionChanged('*', '*'), (message) => {
      const { user, name } = readBody(message, functionChangedCodec);
      this.#changes++;
      this.#known.delete(`${user}/${name}`);
    });
  }

  /** Nothing where they have to be asked for. */
  find(user: UserName, name: FunctionName): FunctionSettings | undefined {
    return this.#known.get(`${user}/${name}`);
  }

  /** None for a function that is not there, or not found out about: whoever runs it says why. */
  async ask(user: UserName, name: FunctionName): Promise<FunctionSettings> {
    const before = this.#changes;
    const settings = await this.#describe(user, name).catch(() => undefined);
    if (settings === undefined) return noSettings;
    if (before === this.#changes) {
      if (this.#known.size >= knownMax) this.#known.clear();
      this.#known.set(`${user}/${name}`, settings);
    }
    return settings;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }

  async #describe(user: UserName, name: FunctionName): Promise<FunctionSettings | undefined> {
    const answer = await this.#bus.request(this.#subjects.functions('describe', user, name), emptyBody);
    if (fromErrorHeaders(answer) !== undefined) return undefined;
    const { live, versions } = readBody(answer, functionDescriptionCodec);
    return versions.find(({ version }) => version === live)?.settings;
  }
}
