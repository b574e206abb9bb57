import test from 'ava';
import { runLlvm, toTree } from '../../src/build/llvm.ts';
import { type PreambleUse, PrecompiledPreambles } from '../../src/build/precompiled-preambles.ts';

const flags = ['clang++', '-O3', '-fno-exceptions'];
const source = {
  path: 'a.cpp',
  text: '#include <utility>\nint f() { return std::exchange(*new int(1), 2); }\n',
};

test('PrecompiledPreambles makes a preamble that was asked for twice, and the compiler takes it', async (t) => {
  t.timeout(600_000);
  const preambles = new PrecompiledPreambles();
  t.deepEqual(preambles.take(source, flags).flags, []);
  await preambles.make();
  t.deepEqual(preambles.take(source, flags).flags, [], 'once is no reason');
  await preambles.make();
  const use = preambles.take(source, flags);
  t.deepEqual(use.flags, ['-include-pch', '.faasm/preamble.h.pch']);
  t.deepEqual(preambles.take(source, [...flags, '-DX']).flags, [], 'other flags, other meaning');

  const build = (use: PreambleUse) =>
    runLlvm(
      [...flags, ...use.flags, '-c', source.path, '-o', 'a.o'],
      toTree([[source.path, source.text], ...use.files]),
      'a.o',
    );
  const precompiled = await build(use);
  t.true(precompiled.succeeded, precompiled.text);
  t.deepEqual(precompiled.output, (await build({ flags: [], files: [] })).output);
});

test('PrecompiledPreambles has nothing for C, nor for sources with light headers', (t) => {
  const preambles = new PrecompiledPreambles();
  for (let round = 0; round < 2; round++) {
    t.deepEqual(preambles.take({ path: 'a.c', text: '#include <string>' }, flags).flags, []);
    t.deepEqual(preambles.take({ path: 'a.cpp', text: '#include <cstdio>' }, flags).flags, []);
  }
});
