/** What the engine takes for bodies, and that no estimate is below it, is tried on the engine itself. */
import test from 'ava';
import { prepareModule } from '../../src/functions/prepare.ts';
import { tryCompilation } from '../../src/functions/trial.ts';
import { compileMemoryMax } from '../../src/wasm/compile-cost.ts';
import { defaultCompileLimits } from '../../src/wasm/compile-limits.ts';
import { scanModule } from '../../src/wasm/scan.ts';
import { caughtCalls, fannedOut, nestedArms, waysAndLocals } from '../wasm/bodies.ts';

const kinds = { waysAndLocals, nestedArms, caughtCalls, fannedOut } as const;
const limits = { ...defaultCompileLimits, compileMaxMs: 300_000 };

for (const [kind, make] of Object.entries(kinds)) {
  test.serial(`tryCompilation() stays within what compileMemoryMax() foretells: ${kind}`, async (t) => {
    const bytes = make(500, 500);
    const compileMaxBytes = compileMemoryMax(scanModule(bytes).code.shapes[0]!) + 64 * 2 ** 20;
    await t.notThrowsAsync(tryCompilation(bytes, { ...limits, compileMaxBytes }, ''));
  });
}

test.serial('tryCompilation() ends what takes too much memory', async (t) => {
  const compileMaxBytes = 32 * 2 ** 20;
  await t.throwsAsync(
    tryCompilation(waysAndLocals(3000, 3000), { ...limits, compileMaxBytes }, 'It is large'),
    {
      code: 'bad_module',
      message: /more than 32 MiB of memory; .*FAASM_COMPILE_MAX_MIB. It is large/,
    },
  );
});

test.serial('tryCompilation() ends what computes too long', async (t) => {
  await t.throwsAsync(tryCompilation(waysAndLocals(3000, 3000), { ...limits, compileMaxMs: 1 }, ''), {
    code: 'bad_module',
    message: /more than 1 ms; .*FAASM_COMPILE_MAX_MS/,
  });
});

test.serial('prepareModule() tries the bodies that may be too much, and no others', async (t) => {
  const tried: Uint8Array[] = [];
  const tryOut = async (module: Uint8Array): Promise<void> => void tried.push(module);
  await prepareModule(waysAndLocals(300, 300), { memoryMaxPages: 16 }, { tryOut });
  t.is(tried.length, 0);
  await prepareModule(waysAndLocals(2000, 2000), { memoryMaxPages: 16 }, { tryOut });
  t.is(tried.length, 1);
  t.true(WebAssembly.validate(new Uint8Array(tried[0]!)));
});
