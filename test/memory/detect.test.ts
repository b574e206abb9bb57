import test from 'ava';
import { detectMemoryPort } from '../../src/memory/detect.ts';

const canMap = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

test('detectMemoryPort() gives copy where copy is wanted', (t) => {
  const { port, why } = detectMemoryPort('copy');
  t.is(port.kind, 'copy');
  t.regex(why, /configured/);
});

test('detectMemoryPort() gives what works here, and says why', (t) => {
  const { port, why } = detectMemoryPort('auto');
  t.is(port.kind, canMap ? 'mapped' : 'copy');
  t.regex(why, canMap ? /shared pages/ : /does not work here: ./);
});

test('detectMemoryPort() refuses rather than copy where mapped is wanted', (t) => {
  if (canMap) t.is(detectMemoryPort('mapped').port.kind, 'mapped');
  else t.throws(() => detectMemoryPort('mapped'), { code: 'internal', message: /FAASM_MEMORY/ });
});
