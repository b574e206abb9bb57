/** Many Faaslets in one process: suspended in awaitCall all at once, then idle and warm, with a neighbour beside. */
import { connect } from 'nats';
import { buildFunction, upload } from '../functions/build.ts';
import { load, startHost } from '../processes.ts';
import type { Row } from '../table.ts';

const waiters = 10_000;
/** Far beyond what a host takes and queues. */
const flood = 30_000;
const napMs = 1000;
const pollMs = 100;

export async function scale(): Promise<Row[]> {
  await using host = await startHost();
  await upload(host.http, 'bench/nap', await buildFunction('nap.cpp'));
  await upload(host.http, 'bench/waiter', await buildFunction('waiter.cpp'));
  const echo = () => load('http-load.ts', [`${host.http}/f/demo/echo`, 32, 3, 'hello faasm']);
  const before = await echo();
  const nats = await connect({ servers: `nats://127.0.0.1:${host.natsPort}` });
  /** How many of so many calls at once ended well, and how many were told to come later. */
  const all = async (count: number): Promise<{ ok: number; later: number; activeMax: number }> => {
    let ended = false;
    let activeMax = 0;
    const watching = (async () => {
      while (!ended) {
        activeMax = Math.max(activeMax, await gauge(host.http, 'faasm_calls_active'));
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    })();
    const answers = await Promise.all(
      Array.from({ length: count }, () =>
        nats.request('faasm.invoke.bench.waiter', String(napMs), { timeout: 120_000 }),
      ),
    );
    ended = true;
    await watching;
    const codes = answers.map((answer) => answer.headers?.get('Nats-Service-Error-Code') ?? '');
    const other = codes.find((code) => code !== '' && code !== '429' && code !== '503');
    if (other !== undefined) {
      const { headers } = answers[codes.indexOf(other)]!;
      throw new Error(`a waiting call ended with ${other}: ${headers?.get('Nats-Service-Error')}`);
    }
    return {
      ok: codes.filter((code) => code === '').length,
      later: codes.filter((code) => code !== '').length,
      activeMax,
    };
  };

  const waiting = all(waiters);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const neighbour = await load('http-load.ts', [`${host.http}/f/demo/echo`, 1, 2, 'hello faasm']);
  const suspended = await waiting;
  const warm = await gaugeAfter(host.http, 'faasm_faaslets');
  const bytes = await gauge(host.http, 'faasm_faaslet_bytes');
  const after = await echo();
  const flooded = await all(flood);
  await nats.close();
  const alive = await fetch(`${host.http}/f/demo/echo`, { method: 'POST', body: 'x' });
  return [
    {
      what: `${waiters} calls at once that await another: running or suspended at most`,
      value: `${suspended.activeMax}, ${suspended.ok} ended well`,
      baseline: 'to reach: 10000',
      ratio: suspended.activeMax / waiters,
    },
    {
      what: 'warm call of another user beside them, p50',
      value: `${(neighbour.p50Us / 1000).toFixed(1)} ms`,
    },
    {
      what: 'warm echo with so many Faaslets in the process',
      value: `${warm} Faaslets of ${(bytes / warm / 1024).toFixed(0)} KB: ${after.perSecond.toFixed(0)}/s`,
      baseline: `before, with few: ${before.perSecond.toFixed(0)}/s`,
      ratio: after.perSecond / before.perSecond,
      target: 0.9,
    },
    {
      what: `${flood} such calls at once`,
      value: `${flooded.ok} ended well, ${flooded.later} got 429 or 503`,
      baseline: alive.ok ? 'the host goes on' : 'the host does not answer',
    },
  ];
}

async function gauge(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** A host tells of itself once a second. */
async function gaugeAfter(url: string, name: string): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return gauge(url, name);
}
