import test from 'ava';
import type { FaasmError } from '../../proto/errors.ts';
import { readGuestKit } from '../../src/build/guest-kit.ts';
import { toBuildFlags } from '../../src/build/options.ts';
import { createToolchain } from '../../src/build/toolchain.ts';
import type { BuildRequest } from '../../src/build/toolchain-messages.ts';

async function requestFor(text: string): Promise<BuildRequest> {
  return { sources: [{ path: 'a.cpp', text }], flags: toBuildFlags(), kit: await readGuestKit() };
}

const quick = 'int main() { return 0; }';

test.serial(
  'createToolchain() stops a build of which one step computes too long, and says which',
  async (t) => {
    await using toolchain = createToolchain();
    const request = await requestFor(quick);
    const error = await t.throwsAsync<FaasmError>(
      toolchain.build(request, () => {}, { stepMaxMs: 30 }),
      {
        message: /^The build was stopped: \w+.* took more than 30 ms .*; raise FAASM_BUILD_STEP_MAX_MS$/,
      },
    );
    t.is(error?.code, 'deadline_exceeded');
    t.is(toolchain.processes, 0);
  },
);

test.serial('createToolchain() runs no more processes than allowed, and all builds', async (t) => {
  await using toolchain = createToolchain({ processesMax: 1 });
  const request = await requestFor(quick);
  const builds = [1, 2, 3].map(() => toolchain.build(request));
  t.is(toolchain.processes, 1);
  const [first, ...others] = await Promise.all(builds);
  for (const other of others) t.deepEqual(other, first);
  t.is(toolchain.processes, 1);
});

test.serial('createToolchain() lets go of a process that has nothing to do', async (t) => {
  await using toolchain = createToolchain({ idleMs: 1 });
  await toolchain.build(await requestFor(quick));
  while (toolchain.processes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(toolchain.processes, 0);
});

test.serial(
  'createToolchain() fails builds that are under way, and later ones, once it is disposed',
  async (t) => {
    const toolchain = createToolchain();
    const request = await requestFor(quick);
    const under = toolchain.build(request);
    const failure = t.throwsAsync<FaasmError>(under, { message: 'The toolchain was stopped' });
    await toolchain[Symbol.asyncDispose]();
    t.is((await failure)?.code, 'draining');
    t.is((await t.throwsAsync<FaasmError>(toolchain.build(request)))?.code, 'draining');
  },
);
