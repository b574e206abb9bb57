/**
 * Calls through a Redis list from a process of its own: so many under way at once, their results on one list.
 * Arguments: server url, list, user/function, calls at once, seconds, body. Prints a LoadResult as JSON.
 */
import { Redis } from 'ioredis';
import { decodeMessage, encodeMessage } from '../../src/calls/message.ts';
import { summarize } from './summary.ts';

const [url, list, name, atOnce, seconds, body] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const [user, fn] = name.split('/') as [string, string];
const results = `${list}-results`;
const pushing = new Redis(url);
const popping = new Redis(url);
const sentMs = new Map<string, number>();
const latenciesUs: number[] = [];
const inputData = Buffer.from(body);
const warmupMs = 500;
const startMs = performance.now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
let failures = 0;
let calls = 0;

push(Number(atOnce));
while (sentMs.size > 0) {
  const [, first] = (await popping.blpopBuffer(results, 10))!;
  const more = await popping.lpopBuffer(results, Number(atOnce));
  const now = performance.now();
  const all = [first!, ...((more ?? []) as unknown as Buffer[])];
  for (const bytes of all) ended(bytes, now);
  if (now < endMs) push(all.length);
}
console.log(JSON.stringify(summarize(latenciesUs, Number(seconds), failures)));
pushing.disconnect();
popping.disconnect();

function push(count: number): void {
  const messages = Array.from({ length: count }, () => {
    const id = String(++calls);
    sentMs.set(id, performance.now());
    return Buffer.from(
      encodeMessage({ type: 'CALL', user, function: fn, id, resultKey: results, inputData }),
    );
  });
  void pushing.rpush(list, ...messages);
}

function ended(bytes: Buffer, now: number): void {
  const { id, success, outputData } = decodeMessage(bytes, 'result');
  if (!success || !inputData.equals(outputData)) failures++;
  const sent = sentMs.get(id);
  sentMs.delete(id);
  if (sent === undefined) failures++;
  else if (now > startMs + warmupMs) latenciesUs.push((now - sent) * 1000);
}
