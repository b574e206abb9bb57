import { defineHostCommand } from './start.ts';

export const dev = defineHostCommand(
  true,
  [
    'It builds func/<user>/<name>.cpp, .c, .ts and .wat, uploads what is not live yet, and does so again when they change.',
    'A build that fails leaves the version live that was. The settings are those of faasm start --help:',
  ].join('\n'),
);
