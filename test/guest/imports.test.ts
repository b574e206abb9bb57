import test from 'ava';
import { checkImports } from '../../src/guest/imports.ts';
import { refusal } from '../wasm/fixtures.ts';

const unknown = (count: number) =>
  Array.from({ length: count }, (_, each) => ({
    module: 'env',
    name: `__faasm_read_inpux${each}`,
    signature: ':',
  }));

test('checkImports() looks for what was meant where it shows it, and nowhere else', (t) => {
  let looked = 0;
  const text = refusal(() =>
    checkImports(unknown(100_000), (name) => {
      looked++;
      return `nearest to ${name}`;
    }),
  );
  t.is(looked, 20);
  t.regex(text, /did you mean nearest to __faasm_read_inpux19\?\); and 99980 more/);
});

test('checkImports() says which name was meant', (t) => {
  t.regex(
    refusal(() => checkImports(unknown(1))),
    /did you mean env.__faasm_read_input\?/,
  );
});
