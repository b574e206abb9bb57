/** How to reach a NATS system, and what went wrong where it cannot be reached. */
import { readFile } from 'node:fs/promises';
import { credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator } from 'nats';
import { FaasmError } from '../../proto/errors.ts';
import type { Drops } from './drops.ts';
import type { BusMessage } from './port.ts';

export type BusStatus = 'connected' | 'disconnected' | 'reconnecting';

export interface NatsBusOptions {
  /** One server, or several of one system, as in `nats://127.0.0.1:4222`. */
  readonly url: string | readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** A credentials file: its path, or its text. */
  readonly creds?: string | undefined;
  /** The seed of an nkey, as in `SUA…`. */
  readonly nkey?: string | undefined;
  /** PEM: a file's path, or its text. */
  readonly tls?:
    | {
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly ca?: string | undefined;
      }
    | undefined;
  /** How the server's monitoring calls this connection. @default 'faasm' */
  readonly name?: string | undefined;
  /** Own messages do not come back to own subscriptions. @default false */
  readonly noEcho?: boolean;
  /** The tokens before the random one in reply subjects. @default '_INBOX' */
  readonly inboxPrefix?: string | undefined;
  /** Between two attempts to connect again; it goes on for ever. @default 1000 */
  readonly reconnectDelayMs?: number;
  /** Counts what cannot be sent. @default one of its own */
  readonly drops?: Drops;
  readonly onStatus?: (status: BusStatus, detail: string) => void;
  /** A handler threw (with its message), or the server refused something. @default a process warning */
  readonly onError?: (error: unknown, message?: BusMessage) => void;
}

/** @throws FaasmError `bad_request` for a file that cannot be read */
export async function toConnectionOptions(options: NatsBusOptions): Promise<NodeConnectionOptions> {
  const { url, user, password, token, creds, nkey, tls } = options;
  const settings: NodeConnectionOptions = {
    servers: typeof url === 'string' ? url.split(',') : [...url],
    name: options.name ?? 'faasm',
    noEcho: options.noEcho ?? false,
    reconnectTimeWait: options.reconnectDelayMs ?? 1000,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  };
  if (user !== undefined) Object.assign(settings, { user, pass: password ?? '' });
  if (token !== undefined) settings.token = token;
  const encoder = new TextEncoder();
  if (creds !== undefined) {
    settings.authenticator = credsAuthenticator(encoder.encode(await readText(creds, 'NATS credentials')));
  } else if (nkey !== undefined) {
    settings.authenticator = nkeyAuthenticator(encoder.encode(nkey.trim()));
  }
  if (tls !== undefined) {
    const given = Object.entries(tls).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const texts = given.map(async ([name, value]) => [name, await readText(value, `NATS TLS ${name}`)]);
    settings.tls = Object.fromEntries(await Promise.all(texts));
  }
  return settings;
}

async function readText(textOrPath: string, what: string): Promise<string> {
  if (textOrPath.includes('-----BEGIN')) return textOrPath;
  try {
    return await readFile(textOrPath, 'utf8');
  } catch (cause) {
    throw new FaasmError('bad_request', `Cannot read the ${what} at ${textOrPath}`, { cause });
  }
}

export function toConnectError(cause: unknown, url: string | readonly string[]): FaasmError {
  const urls = [url]
    .flat()
    .join(',')
    .replaceAll(/\/\/[^@/,]*@/g, '//');
  const why = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Error && /authorization|authentication/i.test(`${cause.name} ${why}`)) {
    return new FaasmError('unauthorized', `NATS at ${urls} refused the credentials: ${why}`, { cause });
  }
  return new FaasmError(
    'no_responders',
    `Cannot connect to NATS at ${urls}: ${why}; start it or change the URL`,
    {
      cause,
    },
  );
}
