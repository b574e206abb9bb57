/** Several whole hosts on one real nats-server that share their functions, each in this process or in one of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type NatsServer, startNatsServer } from '../_servers/nats-server.ts';
import { startTestHost, type TestHost } from './_host.ts';
import { type HostProcess, startHostProcess } from './_process.ts';

export interface Cluster {
  readonly nats: NatsServer;
  /** What its hosts have in common. */
  readonly settings: Record<string, string>;
  /** A host in this process; named `a`, `b`, … */
  host(name: string, more?: Record<string, string>): Promise<TestHost>;
  /** A host that can be killed, or stopped for a while. */
  process(name: string, more?: Record<string, string>): Promise<HostProcess>;
}

/** All that is started ends with the test. */
export async function startCluster(t: ExecutionContext, more: Record<string, string> = {}): Promise<Cluster> {
  const nats = await startNatsServer();
  const folder = await mkdtemp(join(tmpdir(), 'faasm-cluster-'));
  const settings = { NATS_URL: nats.url, FAASM_FUNCTIONS: join(folder, 'functions'), ...more };
  const ends: (() => unknown)[] = [];
  t.teardown(async () => {
    await Promise.allSettled(ends.map((end) => end()));
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    nats,
    settings,
    async host(name, own = {}) {
      const host = await startTestHost({ ...settings, FAASM_HOST_NAME: name, ...own });
      ends.push(() => host[Symbol.asyncDispose]());
      return host;
    },
    async process(name, own = {}) {
      const env = { ...settings, FAASM_HOST_NAME: name, ...own };
      const started = await startHostProcess(join(folder, name), [], env);
      ends.push(() => started.process.kill('SIGKILL'));
      return started;
    },
  };
}

export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A module that says this. */
export const saying = (text: string): string => `(module
  (import "env" "__faasm_write_output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "${text}")
  (func (export "exec") (result i32) (call $output (i32.const 0) (i32.const ${text.length})) (i32.const 0)))`;

/** Calls of a user's function that ended well on each of these hosts, as their metrics say. */
export async function countCalls(
  hosts: readonly { readonly url: string }[],
  name: string,
): Promise<number[]> {
  return await Promise.all(
    hosts.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = new RegExp(`faasm_calls_total\\{.*function="${name}",code="ok"\\} (\\d+)`);
      return Number(line.exec(text)?.[1] ?? 0);
    }),
  );
}

/** Until each of these hosts knows of so many, itself included. */
export async function untilTheyMeet(hosts: readonly { readonly url: string }[], count = hosts.length) {
  for (const { url } of hosts) {
    await until(async () => {
      const data = await fetch(`${url}/console/data`).then((answer) => answer.json());
      return (data as { hosts: unknown[] }).hosts.length === count;
    });
  }
}
