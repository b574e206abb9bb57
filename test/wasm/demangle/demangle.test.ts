import test from 'ava';
import { demangle } from '../../../src/wasm/demangle/demangle.ts';
import { createRandom } from '../../random.ts';

const names: Readonly<Record<string, string>> = {
  _Z3fooi: 'foo(int)',
  _ZN3foo3barEPKc: 'foo::bar(char const*)',
  _ZNKSt3__26vectorIiNS_9allocatorIiEEE4sizeEv:
    'std::__2::vector<int, std::__2::allocator<int>>::size() const',
  _ZNSt3__16vectorIiNS_9allocatorIiEEE9push_backB8ne180100EOi:
    'std::__1::vector<int, std::__1::allocator<int>>::push_back[abi:ne180100](int&&)',
  _ZN1AC2ERKS_: 'A::A(A const&)',
  _ZN1AD0Ev: 'A::~A()',
  _Z3addIiET_S0_S0_: 'int add<int>(int, int)',
  _ZN12_GLOBAL__N_13fooEv: '(anonymous namespace)::foo()',
  _ZNSt3__1lsINS_11char_traitsIcEEEERNS_13basic_ostreamIcT_EES6_PKc:
    'std::__1::basic_ostream<char, std::__1::char_traits<char>>& ' +
    'std::__1::operator<< <std::__1::char_traits<char>>(' +
    'std::__1::basic_ostream<char, std::__1::char_traits<char>>&, char const*)',
  _Z1fPFivE: 'f(int (*)())',
  _Z1fM1AFivE: 'f(int (A::*)())',
  _Z3arrRA4_i: 'arr(int (&)[4])',
  _ZZ4mainENKUliE_clEi: 'main::{lambda(int)#1}::operator()(int) const',
  _ZN1AcviEv: 'A::operator int()',
  _ZnwmSt11align_val_t: 'operator new(unsigned long, std::align_val_t)',
  _ZThn8_N1B1fEv: 'thunk to B::f()',
  _ZN3FooILi3ELb1EE1gEv: 'Foo<3, true>::g()',
  _Z1hIJidcEEvDpT_: 'void h<int, double, char>(int, double, char)',
  _ZN4core9panicking5panic17h0123456789abcdefE: 'core::panicking::panic',
  '_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Write$GT$9write_str17h0123456789abcdefE':
    '<alloc::string::String as core::fmt::Write>::write_str',
  _RNvCs1234_7mycrate3foo: 'mycrate::foo',
  _RNvMs_NtCs1234_7mycrate3barNtB4_3Baz3qux: '<mycrate::bar::Baz>::qux',
  _RINvNtC3std3mem8align_ofdE: 'std::mem::align_of::<f64>',
  _RNCNvC7mycrate4main0B3_: 'mycrate::main::{closure#0}',
  _RINvCs_7mycrate4foldRShjKj8_E: 'mycrate::fold::<&[u8], usize, 8>',
  _RNvYNtC7mycrate1SNtB4_1T1m: '<mycrate::S as mycrate::T>::m',
};

for (const [mangled, name] of Object.entries(names)) {
  test(`demangle() gives ${name}`, (t) => t.is(demangle(mangled), name));
}

for (const name of [
  'main',
  '',
  '_Z',
  '_ZN',
  '_R',
  '_ZN3fo',
  '_ZSDT_E',
  '_RB_',
  '_RNvB_3foo',
  '__original_main',
]) {
  test(`demangle() leaves ${name || 'nothing'} as it is`, (t) => t.is(demangle(name), name));
}

test('demangle() gives short names of a long one that doubles itself', (t) => {
  const doubling = `_Z1f${Array.from({ length: 60 }, (_, at) => `1aIS${at === 0 ? '' : (at - 1).toString(36).toUpperCase()}_S${at === 0 ? '' : (at - 1).toString(36).toUpperCase()}_E`).join('')}`;
  t.true(demangle(doubling).length < 10_000);
  t.true(demangle(`_RNv${'IB_'.repeat(300)}`).length < 10_000);
});

test('demangle() ends for any name', (t) => {
  const random = createRandom(7);
  const letters = [...'_ZNKRSTIEPFA0123456789aivcmsLJBCDXYMnhu$.'];
  const known = Object.keys(names);
  for (let round = 0; round < 20_000; round++) {
    const name = [...random.pick(known)];
    for (let left = 1 + random.below(4); left > 0; left--)
      name.splice(random.below(name.length), random.below(2), random.pick(letters));
    demangle(name.join(''));
  }
  t.pass();
});
