/** The real curl, in a command line as people type it. */
import { spawn } from 'node:child_process';

export interface Typed {
  readonly status: number | null;
  readonly stdout: Buffer;
}

/** @param line of a shell @param folder that it is typed in */
export async function type(line: string, folder: string): Promise<Typed> {
  const child = spawn('sh', ['-c', line], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  const stdout: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { status, stdout: Buffer.concat(stdout) };
}
