/** A conversation of raw text with a NATS server, and what it said. */
import { connect } from 'node:net';

/** `client text` lines of one conversation; what one client says in one step is written at once. */
export type Script = readonly (readonly [client: string, text: string])[];

/** A step that is waited for longer than so long has gone wrong. */
const stepTimeoutMs = 120_000;

interface Client {
  said: string;
  readonly said$: () => Promise<void>;
  closed: boolean;
  write(text: string): void;
  /** Resolves when the connection is gone on this side. */
  end(): Promise<void>;
}

/**
 * Holds the conversation: a step that has a PING is over when it is answered or the client was cut off; any other,
 * when its bytes are written, unless it is the client's last: then it has to end with being cut off.
 * INFO is left out of what was said, however often it is sent, and the subject that later servers name where nobody
 * responds; long payloads are named by their length; `<closed>` ends it where the server hung up.
 */
export async function converse(port: number, script: Script): Promise<Record<string, string>> {
  const clients = new Map<string, Client>();
  try {
    for (const [at, [name, text]] of script.entries()) {
      let client = clients.get(name);
      if (client === undefined) clients.set(name, (client = await open(port)));
      const isLast = !script.slice(at + 1).some(([other]) => other === name);
      await say(client, text, isLast);
    }
    return Object.fromEntries([...clients].map(([name, client]) => [name, toTranscript(client)]));
  } finally {
    for (const client of clients.values()) await client.end();
  }
}

async function say(client: Client, text: string, isLast: boolean): Promise<void> {
  const pings = text.match(/^PING[^\n]*\n/gim)?.length ?? 0;
  const before = pongs(client);
  client.write(text);
  if (pings > 0 || isLast) {
    await until(client, () => client.closed || (pings > 0 && pongs(client) >= before + pings), text);
  } else {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function toTranscript({ said, closed }: Client): string {
  const plain = said
    .replaceAll(/^INFO .*\r\n/gm, '')
    .replaceAll(/^(HMSG .*) \d+ \d+\r\n(NATS\/1\.0 503\r\n)Nats-Subject: .*\r\n/gm, '$1 16 16\r\n$2');
  return shorten(plain) + (closed ? '<closed>' : '');
}

/** One client's conversation, each text a step. */
export function alone(...texts: string[]): Script {
  return texts.map((text) => ['client', text] as const);
}

function pongs({ said }: Client): number {
  return said.split('PONG\r\n').length - 1;
}

async function until(client: Client, done: () => boolean, step: string): Promise<void> {
  const late = AbortSignal.timeout(stepTimeoutMs);
  const failed = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () =>
      reject(new Error(`No end after ${JSON.stringify(step)}; said so far: ${JSON.stringify(client.said)}`)),
    );
  });
  while (!done()) await Promise.race([client.said$(), failed]);
}

async function open(port: number): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const client: Client = {
    said: '',
    said$: () => changed.promise,
    closed: false,
    write: (text) => void socket.write(Buffer.from(text, 'latin1')),
    end: () =>
      new Promise((resolve) => {
        if (socket.destroyed) resolve();
        else socket.once('close', () => resolve()).destroy();
      }),
  };
  socket.on('data', (chunk) => {
    client.said += chunk.toString('latin1');
    change();
  });
  socket.on('error', () => {});
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      client.closed = true;
      change();
    });
  }
  await until(client, () => client.said.includes('\r\n') || client.closed, 'opening');
  return client;
}

/** A failing test shows what differs, not a megabyte of it. */
function shorten(said: string): string {
  return said.replaceAll(/x{1000,}/g, ({ length }) => `<${length} times x>`);
}
