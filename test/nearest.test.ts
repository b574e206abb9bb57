import test from 'ava';
import { didYouMean, nearest } from '../src/nearest.ts';

const known = ['deploy', 'invoke', 'logs', 'ls', 'rm', 'run'];

test('nearest() finds the word with the fewest edits', (t) => {
  t.is(nearest('dpeloy', known), 'deploy');
  t.is(nearest('invok', known), 'invoke');
  t.is(nearest('rum', known), 'rm');
});

test('nearest() finds nothing where much is different', (t) => {
  t.is(nearest('frobnicate', known), undefined);
  t.is(nearest('xy', known), undefined);
  t.is(nearest('', known), undefined);
  t.is(nearest('x'.repeat(1_000_000), known), undefined);
});

test('didYouMean() asks, or says nothing', (t) => {
  t.is(didYouMean('lgos', known), '; did you mean logs?');
  t.is(
    didYouMean('tiemout', ['timeout'], (name) => `--${name}`),
    '; did you mean --timeout?',
  );
  t.is(didYouMean('frobnicate', known), '');
});
