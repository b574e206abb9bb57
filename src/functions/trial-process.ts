/** A process that compiles one module and says how it went, unless that takes more than it may. */
import type { TrialAnswer, TrialRequest } from './trial.ts';

/** How often it looks what it has taken. */
const lookMs = 20;

process.once('message', ({ bytes, limits }: TrialRequest) => {
  const startBytes = process.memoryUsage.rss();
  setInterval(() => {
    const { user, system } = process.cpuUsage();
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
