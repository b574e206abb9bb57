/** A process that compiles one module and says how it went, unless that takes more than it may. */
import { setFlagsFromString } from 'node:v8';
import type { TrialAnswer, TrialRequest } from './trial.ts';

/**
 * Both compilers as they are used later, but at once, and for all that is there: the baseline one, which nothing ends
 * before it has ended, and then the optimizing one. Set when the process has begun: Node has modules of its own.
 */
const baselineFlags = ['--no-wasm-lazy-compilation', '--no-wasm-dynamic-tiering'];
const optimizingFlags = ['--no-liftoff', '--no-wasm-deopt', '--no-wasm-inlining-call-indirect'];
/** A custom one without a name. */
const emptySection = Buffer.of(0, 1, 0);
/** How often it looks what it has taken. */
const lookMs = 20;

process.once('message', ({ bytes, limits }: TrialRequest) => {
  for (const flag of baselineFlags) setFlagsFromString(flag);
  const startBytes = process.memoryUsage.rss();
  const startUsage = process.cpuUsage();
  setInterval(() => {
    const { user, system } = process.cpuUsage(startUsage);
    if (process.memoryUsage.rss() - startBytes > limits.compileMaxBytes) end('memory');
    else if ((user + system) / 1000 > limits.compileMaxMs) end('time');
  }, lookMs);
  void compileTwice(new Uint8Array(bytes)).then(
    () => end('compiled'),
    () => end('compiled'),
  );
});
// Whoever asked is gone.
process.once('disconnect', die);

async function compileTwice(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await WebAssembly.compile(bytes);
  for (const flag of optimizingFlags) setFlagsFromString(flag);
  // What has the same bytes would not be compiled again.
  await WebAssembly.compile(Buffer.concat([bytes, emptySection]));
}

function end(answer: TrialAnswer): void {
  process.send?.(answer, die);
}

/** To exit is to wait for the compiler. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
