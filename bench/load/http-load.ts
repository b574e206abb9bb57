/**
 * HTTP load from a process of its own: so many keep-alive connections, each with one request under way.
 * Arguments: url, connections, seconds, body. Prints a LoadResult as JSON.
 */
import { connect } from 'node:net';
import { summarize } from './summary.ts';

const [url, connections, seconds, body] = process.argv.slice(2) as [string, string, string, string];
const { hostname, port, pathname } = new URL(url);
const request = Buffer.from(
  `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
);
const latenciesUs: number[] = [];
const warmupMs = 500;
const startMs = performance.now();
const endMs = startMs + warmupMs + Number(seconds) * 1000;
let failures = 0;
const ok = Buffer.from('200');

await Promise.all(Array.from({ length: Number(connections) }, client));
console.log(JSON.stringify(summarize(latenciesUs, Number(seconds), failures)));

function client(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let sentMs = 0;
    let received: Buffer = Buffer.alloc(0);
    const send = (): void => {
      sentMs = performance.now();
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const size = responseBytes(received);
      if (size === undefined || received.length < size) return;
      const now = performance.now();
      if (!received.subarray(9, 12).equals(ok)) failures++;
      received = received.subarray(size);
      if (now > startMs + warmupMs) latenciesUs.push((now - sentMs) * 1000);
      if (now < endMs) send();
      else socket.end(resolve);
    });
  });
}

/** The size of the response that the bytes begin with, once its header is there. */
function responseBytes(bytes: Buffer): number | undefined {
  const headerEnd = bytes.indexOf('\r\n\r\n');
  if (headerEnd === -1) return undefined;
  const [, length] = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, headerEnd)) ?? [];
  return headerEnd + 4 + Number(length ?? 0);
}
