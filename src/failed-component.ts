/** The part of the program that an error came out of, by its stack: an actor, or a folder of src. */

const frame = /[\\/](?:actors[\\/]([\w-]+)\.|src[\\/]([\w-]+))/;

export function failedComponent(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    for (const line of error.stack?.split('\n') ?? []) {
      const [, actor, folder] = (!line.includes('node_modules') && frame.exec(line)) || [];
      if (actor !== undefined || folder !== undefined) return actor ?? folder!;
    }
  }
  return 'host';
}
