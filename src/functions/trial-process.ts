/** A process that compiles one module and says how it went, unless that takes more than it may. */
import { setFlagsFromString } from 'node:v8';
import type { TrialAnswer, TrialRequest } from './trial.ts';

/**
 * The optimizing compiler as it is used later, but at once, and for all that is there. Set when the process has begun:
 * Node has modules of its own.
 */
const flags = [
  '--no-wasm-lazy-compilation',
  '--no-wasm-dynamic-tiering',
  '--no-liftoff',
  '--no-wasm-deopt',
  '--no-wasm-inlining-call-indirect',
];
/** How often it looks what it has taken. */
const lookMs = 20;

process.once('message', ({ bytes, limits }: TrialRequest) => {
  for (const flag of flags) setFlagsFromString(flag);
  const startBytes = process.memoryUsage.rss();
  const startUsage = process.cpuUsage();
  setInterval(() => {
    const { user, system } = process.cpuUsage(startUsage);
    if (process.memoryUsage.rss() - startBytes > limits.compileMaxBytes) end('memory');
    else if ((user + system) / 1000 > limits.compileMaxMs) end('time');
  }, lookMs);
  void WebAssembly.compile(new Uint8Array(bytes)).then(
    () => end('compiled'),
    () => end('compiled'),
  );
});
// Whoever asked is gone.
process.once('disconnect', die);

function end(answer: TrialAnswer): void {
  process.send?.(answer, die);
}

/** To exit is to wait for the compiler. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
