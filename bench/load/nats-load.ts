/**
 * NATS load from a process of its own: so many requests under way on one connection.
 * Arguments: server url, subject, requests at once, seconds, body. Prints a LoadResult as JSON.
 */
import { connect } from 'nats';
import { summarize } from './summary.ts';

const [url, subject, atOnce, seconds, body] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const connection = await connect({ servers: url });
const latenciesUs: number[] = [];
const warmupMs = 500;
const startMs = performance.now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
let failures = 0;

await Promise.all(Array.from({ length: Number(atOnce) }, client));
console.log(JSON.stringify(summarize(latenciesUs, Number(seconds), failures)));
await connection.close();

async function client(): Promise<void> {
  for (;;) {
    const sentMs = performance.now();
    if (sentMs > endMs) return;
    const answer = await connection.request(subject, body, { timeout: 5000 });
    if (answer.string() !== body) failures++;
    const now = performance.now();
    if (now > startMs + warmupMs) latenciesUs.push((now - sentMs) * 1000);
  }
}
