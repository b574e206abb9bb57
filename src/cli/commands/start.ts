import { type Command, defineCommand } from '../command.ts';
import { hostOptions, toHostConfig } from '../host-config.ts';

const about = [
  'Each setting comes from its flag, else from the environment under the name in brackets, else from the file of',
  '--config, else it is the default behind that name. A secret may also be given as the path of a file that holds',
  'it, as in NATS_PASSWORD_FILE. SIGTERM and SIGINT end the host when its calls have ended; a second one at once.',
].join('\n');

export const start = defineHostCommand(false, about);

export function defineHostCommand(dev: boolean, text: string): Command {
  return defineCommand({
    usage: '[--<setting> <value>] … [--config <file>]',
    about: text,
    operands: [0, 0],
    options: hostOptions,
    run({ options, world }) {
      const { config, notes } = toHostConfig(options, world);
      return world.serve(config, { dev, json: Boolean(options.json), notes });
    },
  });
}
