import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { toSettingsMarkdown } from '../../src/config/markdown.ts';
import { settingNames } from '../../src/config/settings.ts';

test('docs/settings.md is what faasm config --markdown makes', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/settings.md'), 'utf8');
  t.is(
    page,
    toSettingsMarkdown(),
    'make it anew: npm run --silent faasm config -- --markdown > docs/settings.md',
  );
});

test('toSettingsMarkdown() has each setting once', (t) => {
  const named = toSettingsMarkdown().match(/(?<=^### `)\w+/gm) ?? [];
  t.deepEqual([...named].sort(), [...settingNames].sort());
});
