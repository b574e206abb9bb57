import test from 'ava';
import { toOutputDetails } from '../../src/guest/left-output.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('toOutputDetails() gives text as text, and nothing of nothing', (t) => {
  t.deepEqual(toOutputDetails(bytes('')), {});
  t.deepEqual(toOutputDetails(bytes('pärtial\n\u001b[1m')), {
    output: 'pärtial\n\u001b[1m',
    outputBytes: 13,
  });
});

test('toOutputDetails() gives bytes that are no text in base64', (t) => {
  for (const output of [Uint8Array.of(0xff, 0xfe), Uint8Array.of(0x61, 0), Uint8Array.of(0xc3)]) {
    t.deepEqual(toOutputDetails(output), {
      outputBase64: Buffer.from(output).toString('base64'),
      outputBytes: output.length,
    });
  }
});

test('toOutputDetails() gives the end of much, from a whole character on', (t) => {
  for (const character of ['a', 'é', '€', '😀']) {
    const many = bytes(character.repeat(5000));
    for (const cut of [0, 1, 2, 3]) {
      const { output = '', outputBytes } = toOutputDetails(
        bytes(`${'x'.repeat(cut)}${character.repeat(5000)}`),
      );
      t.is(outputBytes, many.length + cut);
      t.regex(output, new RegExp(`^(?:${character})+$`, 'u'));
      t.true(bytes(output).length > 4096 - 4 && bytes(output).length <= 4096);
    }
  }
  const { outputBase64 = '' } = toOutputDetails(new Uint8Array(10_000).fill(0xff));
  t.is(Buffer.from(outputBase64, 'base64').length, 4096);
});
