/** What a client says of itself with CONNECT. */

export interface ConnectOptions {
  /** Every operation is answered with +OK. */
  readonly verbose: boolean;
  readonly pedantic: boolean;
  /** Its own messages come back to its own subscriptions. */
  readonly echo: boolean;
  readonly headers: boolean;
  /** It wants a 503 for a message with a reply subject that nobody hears. */
  readonly no_responders: boolean;
  readonly protocol: number;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly auth_token: string;
  readonly user: string;
  readonly pass: string;
}

/** What holds before CONNECT came, and for every field that it leaves out. */
export const connectDefaults: ConnectOptions = {
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  no_responders: false,
  protocol: 0,
  name: '',
  lang: '',
  version: '',
  auth_token: '',
  user: '',
  pass: '',
};

/** Nothing when it is no JSON object, or a field has the wrong type. */
export function parseConnect(json: string, known: ConnectOptions): ConnectOptions | undefined {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (given === null) return known;
  if (typeof given !== 'object' || Array.isArray(given)) return undefined;
  const options: Record<string, unknown> = { ...known };
  for (const [field, standard] of Object.entries(connectDefaults)) {
    const value = (given as Record<string, unknown>)[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== typeof standard) return undefined;
    options[field] = value;
  }
  return options as unknown as ConnectOptions;
}
