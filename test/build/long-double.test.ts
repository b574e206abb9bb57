import test from 'ava';
import { usesLongDouble } from '../../src/build/long-double.ts';

const uses = test.macro((t, symbols: string, text: string, expected: boolean) => {
  t.is(usesLongDouble(symbols, [{ path: 'a.o', bytes: Buffer.from(`\0${text}\0`) }]), expected);
});

test('usesLongDouble() sees a format', uses, '', '%Lf', true);
test('usesLongDouble() sees a format with a width', uses, '', 'x is %-10.3Lg.', true);
test('usesLongDouble() sees arithmetic', uses, '         U __multf3\n', '', true);
test(
  'usesLongDouble() sees a stream that prints one',
  uses,
  '         U _ZNSt3__213basic_ostreamIcNS_11char_traitsIcEEElsEe\n',
  '',
  true,
);
test('usesLongDouble() passes over other formats', uses, '         U printf\n', '%lf %.2f %d %ld', false);
