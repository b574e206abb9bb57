/** The settings of functions that requests are for, kept until they change: whether one is a CGI program, and who may call it. */
import { type FunctionSettings, noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { fromErrorHeaders } from '../bus/error-headers.ts';
import { type Bus, emptyBody, readBody } from '../bus/port.ts';
import { functionDescriptionCodec } from '../functions/messages.ts';

/** Beyond it all are asked for anew. */
const knownMax = 10_000;

export class KnownSettings {
  readonly #bus: Bus;
  readonly #subjects: PublicSubjects;
  readonly #known = new Map<string, FunctionSettings>();
  #changes = 0;

  constructor(bus: Bus, subjects: PublicSubjects) {
    this.#bus = bus;
    this.#subjects = subjects;
  }

  changed(user: UserName, name: FunctionName): void {
    this.#changes++;
    this.#known.delete(`${user}/${name}`);
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

  async #describe(user: UserName, name: FunctionName): Promise<FunctionSettings | undefined> {
    const answer = await this.#bus.request(this.#subjects.functions('describe', user, name), emptyBody);
    if (fromErrorHeaders(answer) !== undefined) return undefined;
    const { live, versions } = readBody(answer, functionDescriptionCodec);
    return versions.find(({ version }) => version === live)?.settings;
  }
}
