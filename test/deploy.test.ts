/** The image and the cluster of docker-compose.yml, as far as their files say it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadConfig } from '../src/config/config.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The services by their names, each as its own lines. */
function services(): Map<string, string> {
  const [, all = ''] = /^services:\n(.*?)^\S/ms.exec(read('docker-compose.yml')) ?? [];
  const parts = all.split(/^ {2}([a-z0-9]+):\n/m);
  return new Map(parts.flatMap((name, at) => (at % 2 === 1 ? [[name, parts[at + 1]!] as const] : [])));
}

test('docker-compose.yml: every service starts again when it ended, and says whether it is well', (t) => {
  t.deepEqual([...services().keys()], ['gateway', 'host', 'nats', 'redis', 's3']);
  for (const [name, text] of services()) {
    t.regex(text, /^ {4}restart: unless-stopped$/m, name);
    t.regex(text, /^ {4}healthcheck:$/m, name);
  }
});

test('docker-compose.yml: there may be any number of hosts', (t) => {
  const host = services().get('host')!;
  for (const own of ['ports', 'volumes', 'container_name', 'user']) {
    t.notRegex(host, new RegExp(`^ {4}${own}:`, 'm'), own);
  }
  t.notRegex(host, /FAASM_HOST_NAME|FAASM_DATA/);
  t.regex(host, /FAASM_FUNCTIONS: .*nats:\/\//);
  t.regex(host, /FAASM_STATE: redis/);
});

test('docker-compose.yml: what is kept outlives its containers', (t) => {
  for (const name of ['nats', 'redis', 's3']) {
    t.regex(services().get(name)!, new RegExp(`^ {4}volumes: \\["${name}:/data"\\]$`, 'm'));
  }
  t.regex(services().get('nats')!, /--jetstream.*--store_dir", "\/data"/);
});

test('docker-compose.yml: a host is not killed before its drain is over', (t) => {
  const host = services().get('host')!;
  const set = [...host.matchAll(/(FAASM_DRAIN_\w+): "(.+)"/g)].map(([, name, value]) => [name, value]);
  const { drain } = loadConfig({ environment: Object.fromEntries(set) });
  t.true(drain.delayMs > 0);
  t.true(Number(/stop_grace_period: (\d+)s/.exec(host)?.[1]) * 1000 > drain.endTimeoutMs);
});

test('Dockerfile: a host runs as a user of its own, with no package of development', (t) => {
  const text = read('Dockerfile');
  t.regex(text, /npm ci --omit=dev --ignore-scripts/);
  const [, image = ''] = text.split(/^FROM debian/m);
  t.regex(image, /^USER (?!root)\w+$/m);
  t.regex(image, /^CMD \["start"\]$/m);
  t.notRegex(image, /npm|\bdev\b/);
});

test('Dockerfile: all that it copies is there, and is let in by .dockerignore', (t) => {
  const letIn = new Set(read('.dockerignore').match(/(?<=^!).+$/gm));
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
    names!.split(' '),
  );
  t.true(copied.length > 4);
  for (const name of copied) t.true(letIn.has(name) && existsSync(join(root, name)), name);
});
