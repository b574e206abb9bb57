/** The Faaslet alone, without threads and HTTP: a new one from its Proto-Faaslet, and a call with its reset. */
import '../../actors/v8-flags.ts';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import initWabt from 'wabt';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { Faaslet, type FaasletPowers } from '../../src/faaslet/faaslet.ts';
import type { Program } from '../../src/faaslet/program.ts';
import { toCallWay } from '../../src/faaslet/ways/call.ts';
import { prepareModule } from '../../src/functions/prepare.ts';
import { openCapabilities } from '../../src/guest/capabilities.ts';
import { createFixedFiles } from '../../src/guest/files/shared-files.ts';
import { emptyFileTree } from '../../src/guest/wasi/tree.ts';
import { wasiPowers } from '../../src/guest/wasi-powers.ts';
import { detectMemoryPort } from '../../src/memory/detect.ts';
import { median } from '../load/summary.ts';
import type { Row } from '../table.ts';

/** Writes one byte into each of so many pages. */
const guest = (pages: number): string => `(module
  (memory (export "memory") 16)
  (func (export "_initialize") (i32.store (i32.const 100000) (i32.const 1)))
  (func (export "exec") (result i32) (local $at i32)
    (loop $next
      (i32.store8 (i32.shl (local.get $at) (i32.const 12)) (i32.const 1))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const ${pages}))))
    (i32.const 0)))`;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export async function faaslet(): Promise<Row[]> {
  const memory = detectMemoryPort('auto').port;
  const powers: FaasletPowers = {
    memory,
    capabilities: openCapabilities({
      owner: 'bench',
      ask: () => Promise.reject(new Error('no host here')),
      config: new Map(),
      stateAccess: 'synchronous',
      sideModules: { maxBytes: 0, tableMaxElements: 0, compileMaxBytes: 0 },
    }),
    way: toCallWay,
    wasi: wasiPowers,
    files: createFixedFiles(emptyFileTree),
    fileLimits: { bytes: 0, inodes: 0, openFiles: 8 },
    limits: {
      inputMaxBytes: 1024,
      outputMaxBytes: 1024,
      stderrMaxBytes: 1024,
      chainedCallsMax: 1,
    },
  };
  const settings = { user: 'bench' as UserName, input: new Uint8Array(0), dispatch: () => {} };
  const suspension = { left() {}, back: (go: () => void) => go() };

  const programOf = async (pages: number): Promise<Program> => {
    const wasm = (await initWabt()).parseWat('bench.wat', guest(pages)).toBinary({}).buffer;
    const prepared = await prepareModule(new Uint8Array(wasm), { memoryMaxPages: 8192 });
    const names = {
      key: 'bench',
      version: 'bench',
      user: 'bench' as UserName,
      function: 'bench' as FunctionName,
    };
    const program: Program = { ...names, ...prepared, settings: noSettings, proto: undefined };
    const first = new Faaslet(program, powers);
    await first.initialize(settings, suspension);
    const left = first.capture()!;
    return { ...program, proto: { image: memory.prepare(left.image!), globals: left.globals } };
  };

  const rows: Row[] = [];
  const program = await programOf(1);
  const kept: Faaslet[] = [];
  const before = residentBytes();
  const starts = measure(5000, () => {
    kept.push(new Faaslet(program, powers));
  });
  const rss = (residentBytes() - before) / kept.length / 1024;
  rows.push({
    what: 'new Faaslet from its Proto-Faaslet, p50',
    value: `${(starts / 1000).toFixed(2)} ms`,
    baseline: 'the original 0.5 ms; to reach: 0.25 ms',
    ratio: 250 / starts,
  });
  rows.push({
    what: 'memory of an idle Faaslet',
    value: `${rss.toFixed(0)} KB`,
    baseline: 'the original 90 KB; to reach: 32 KB',
    ratio: 32 / rss,
  });
  for (const pages of [1, 4, 16]) {
    const own = await programOf(pages);
    const made = new Faaslet(own, powers);
    const whole = measure(20_000, () => {
      made.run(settings, suspension);
      made.reset();
    });
    rows.push({
      what: `call and reset, ${pages} dirty pages, p50 (${memory.kind})`,
      value: `${whole.toFixed(1)} µs`,
      ...(pages === 4 && {
        baseline: 'the original 140 µs or more; to reach: 20 µs',
        ratio: 20 / whole,
      }),
    });
  }
  return rows;
}

/** Of this process, after what is garbage has gone. */
function residentBytes(): number {
  collectGarbage();
  return process.memoryUsage().rss;
}

/** The median of so many runs, in microseconds. */
function measure(runs: number, work: () => void): number {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startMs = performance.now();
    work();
    times.push((performance.now() - startMs) * 1000);
  }
  return median(times);
}
