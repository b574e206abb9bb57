/** The toolchain's process: one build at a time, as its parent asks. It ends with its parent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaasmError } from '../../proto/errors.ts';
import { compile } from './compile.ts';
import { PrecompiledPreambles } from './precompiled-preambles.ts';
import type { BuildRequest, ToolchainAnswer } from './toolchain-messages.ts';

/** With no further build for so long, there is time to look ahead. */
const quietMs = 3_000;

const preambles = new PrecompiledPreambles();
let builds = 0;

process.on('message', (request: BuildRequest) => void build(request));
process.on('disconnect', () => process.exit());

async function build(request: BuildRequest): Promise<void> {
  const turn = ++builds;
  try {
    const result = await compile(request, preambles, (stage, detail) =>
      answer({ kind: 'progress', stage, detail }),
    );
    answer({ kind: 'built', ...result });
  } catch (thrown) {
    const { code, message } = FaasmError.from(thrown);
    answer({ kind: 'failed', code, message });
  }
  await sleep(quietMs);
  if (turn === builds) await preambles.make().catch(() => {});
}

function answer(message: ToolchainAnswer): void {
  if (process.connected) process.send!(message);
}
