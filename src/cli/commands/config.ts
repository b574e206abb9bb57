import type { Origin, ReadSettings } from '../../config/read.ts';
import { settingNames, settings } from '../../config/settings.ts';
import { defineCommand, jsonOption } from '../command.ts';
import { readHostSettings, settingOptions } from '../host-config.ts';
import { printJson, toTable } from '../output.ts';

export const config = defineCommand({
  usage: '[--<setting> <value>] … [--config <file>]',
  about: [
    'Takes the flags of faasm start, the environment and the file as a host does, and opens nothing. Sizes and durations',
    'are as they may be given again; secrets are not shown. The exit status is 2 when something is wrong, all of which is',
    'told.',
  ].join('\n'),
  operands: [0, 0],
  options: {
    ...settingOptions,
    markdown: { type: 'switch', about: 'all settings there are, as docs/settings.md has them' },
    ...jsonOption,
  },
  async run({ options: { json, markdown, ...given }, world }) {
    if (markdown) {
      const { toSettingsMarkdown } = await import('../../config/markdown.ts');
      world.stdout.write(toSettingsMarkdown());
      return;
    }
    const read = readHostSettings(given, world);
    for (const note of read.misspelt) world.stderr.write(`faasm: ${note}\n`);
    const shown = toShown(read);
    if (json) printJson(world.stdout, Object.fromEntries(shown.map(({ name, ...what }) => [name, what])));
    else {
      const rows = shown.map(({ name, value, from }) => [name, value ?? '(secret)', from]);
      world.stdout.write(toTable(['setting', 'value', 'from'], rows));
    }
  },
});

interface Shown {
  readonly name: string;
  /** As it would be given; null for a secret that is set. */
  readonly value: string | null;
  readonly from: Origin;
}

function toShown(read: ReadSettings): Shown[] {
  return settingNames.map((name) => {
    const value = settings[name].kind.show(read.settings[name]);
    const isHidden = settings[name].secret === true && value !== '';
    return { name, value: isHidden ? null : withoutPasswords(value), from: read.origins[name] };
  });
}

/** Of URLs. */
const withoutPasswords = (text: string): string => text.replaceAll(/(\w:\/\/[^/@:\s]*):[^/@\s]*@/g, '$1:…@');
