/** The settings as a page for people: docs/settings.md. */
import type { Setting } from './setting.ts';
import { flagOf, type SettingName, settingGroups, settings } from './settings.ts';

const head = `# Settings

A setting is given as a flag (\`--http-port 9001\`), in the environment (\`FAASM_HTTP_PORT=9001\`) or in a file (\`--config faasm.json\` with \`{"http_port": 9001}\`); the first of these counts, else the default.
A secret may also be given as the path of a file that holds it, under its name with \`_FILE\` after it, as in \`NATS_PASSWORD_FILE\`.
A size is \`64MiB\`, \`1GiB\`, or a number of what the name ends in; a duration is \`500ms\`, \`30s\`, \`2m\`, \`1h\`, or a number of milliseconds.
A host that is given something wrong says all of it at once, and does not start.
\`faasm config\` tells what is in force and where each setting comes from.

This page is made from the code by \`faasm config --markdown\`.
`;

export function toSettingsMarkdown(): string {
  const groups = Object.entries(settingGroups).map(([title, group]) => {
    const names = Object.keys(group) as SettingName[];
    return `\n## ${title}\n${names.map((name) => toEntry(name, settings[name])).join('')}`;
  });
  return `${head}${groups.join('')}`;
}

function toEntry(name: SettingName, { kind, default: byDefault, reason, about, secret }: Setting): string {
  const lines = [
    toSentence(about),
    `- \`--${flagOf(name)}\`: ${escaped(kind.wanted)}`,
    byDefault === '' ? undefined : `- default \`${byDefault}\`: ${escaped(reason!)}`,
    kind.zero === undefined ? undefined : `- 0: ${escaped(kind.zero)}`,
    secret === true ? `- secret, so also as a file: \`${name}_FILE\`` : undefined,
  ];
  return `\n### \`${name}\`\n${lines.filter((line) => line !== undefined).join('\n')}\n`;
}

const toSentence = (text: string): string => `${text[0]!.toUpperCase()}${escaped(text.slice(1))}.`;

const escaped = (text: string): string => text.replaceAll(/[<*_]/g, '\\$&');
