/** A whole host for a test: free ports, a data folder of its own, real threads. */
import '../../actors/v8-flags.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import initWabt from 'wabt';
import { nodeHostPowers } from '../../actors/node-powers.ts';
import { startHost } from '../../actors/start.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Host } from '../../src/host/port.ts';
import { createLog } from '../../src/log.ts';

export interface TestHost extends AsyncDisposable {
  readonly host: Host;
  readonly data: string;
  readonly url: string;
  /** Uploads a module given as WAT text or as bytes. */
  put(name: string, module: string | Uint8Array, headers?: HeadersInit): Promise<Response>;
  /** Calls `user/function`. */
  post(name: string, body?: string | Uint8Array<ArrayBuffer>, headers?: HeadersInit): Promise<Response>;
  /** Stops the host and starts another on the same data. */
  restart(): Promise<void>;
  /** Starts another on the same data, where the last one was stopped. */
  start(): Promise<void>;
}

const wabt = await initWabt();
const features = {
  exceptions: true,
  threads: true,
  simd: true,
  multi_memory: true,
  reference_types: true,
  bulk_memory: true,
  tail_call: true,
};

export function wasm(wat: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wabt.parseWat('test.wat', wat, features).toBinary({}).buffer);
}

/** @param folder of its data @default a new one */
export async function startTestHost(
  settings: Record<string, string> = {},
  folder?: string,
): Promise<TestHost> {
  const data = folder ?? (await mkdtemp(join(tmpdir(), 'faasm-host-')));
  const flags = { 'http-port': '0', 'upload-port': '0', 'nats-port': '0', data };
  const config = loadConfig({ flags, environment: settings });
  const log = createLog({ level: settings.FAASM_LOG_LEVEL ?? 'silent' });
  let host = await startHost(config, { powers: nodeHostPowers, log });
  const url = () => `http://127.0.0.1:${host.httpPorts[0]}`;
  return {
    get host() {
      return host;
    },
    get url() {
      return url();
    },
    data,
    put: (name, module, headers = {}) => {
      const body = typeof module === 'string' ? wasm(module) : new Uint8Array(module);
      return fetch(`${url()}/f/${name}`, { method: 'PUT', body, headers });
    },
    post: (name, body = '', headers = {}) => fetch(`${url()}/f/${name}`, { method: 'POST', body, headers }),
    async restart() {
      await host.stop();
      host = await startHost(config, { powers: nodeHostPowers, log });
    },
    async start() {
      host = await startHost(config, { powers: nodeHostPowers, log });
    },
    async [Symbol.asyncDispose]() {
      await host.stop();
      if (folder === undefined) await rm(data, { recursive: true, force: true });
    },
  };
}

/** Uploads straight to the functions actor. */
export async function upload(at: TestHost, name: string, wat: string): Promise<void> {
  const [user, fn] = name.split('/') as [string, string];
  await at.host.upload(toUserName(user), toFunctionName(fn), wasm(wat));
}

/** Guests that tests share, by what they do. */
export const guests = {
  echo: `(module
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 2)
    (func (export "exec") (result i32)
      (call $output (i32.const 0) (call $input (i32.const 0) (i32.const 131072)))
      (i32.const 0)))`,
  loop: `(module (memory (export "memory") 1) (func (export "exec") (result i32) (loop $l (br $l)) (i32.const 0)))`,
  /** Sleeps for the milliseconds that its input says, as 4 bytes, and gives it back. */
  nap: `(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "exec") (result i32)
      (drop (call $input (i32.const 200) (i32.const 4)))
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.mul (i64.load32_u (i32.const 200)) (i64.const 1000000)))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
      (call $output (i32.const 200) (i32.const 4))
      (i32.const 0)))`,
} as const;
