import test from 'ava';
import { FaasmError } from '../../proto/errors.ts';
import {
  checkQueue,
  parsePattern,
  parseSubject,
  patternsOverlap,
  subjectMatches,
  subjectMaxLength,
} from '../../src/bus/subject.ts';
import { SubjectTree } from '../../src/bus/subject-tree.ts';
import { createRandom } from '../random.ts';

const takes = test.macro({
  title: (_, subject: string, as: string) => `${JSON.stringify(subject)} can be used as ${as}`,
  exec(t, subject: string, as: 'subject and pattern' | 'pattern' | 'nothing') {
    const accepted = (parse: (text: string) => unknown): boolean => {
      try {
        parse(subject);
        return true;
      } catch (error) {
        t.true(error instanceof FaasmError && error.code === 'bad_request');
        return false;
      }
    };
    t.is(accepted(parseSubject), as === 'subject and pattern');
    t.is(accepted(parsePattern), as !== 'nothing');
  },
});

test(takes, 'a', 'subject and pattern');
test(takes, 'faasm.invoke.ann.hello', 'subject and pattern');
test(takes, '$SRV.PING', 'subject and pattern');
test(takes, 'a*.b>c.**', 'subject and pattern');
test(takes, 'grüße.世界', 'subject and pattern');
test(takes, '*', 'pattern');
test(takes, '>', 'pattern');
test(takes, 'a.*.c', 'pattern');
test(takes, 'a.*.>', 'pattern');
test(takes, '', 'nothing');
test(takes, '.', 'nothing');
test(takes, '.a', 'nothing');
test(takes, 'a.', 'nothing');
test(takes, 'a..b', 'nothing');
test(takes, 'a b', 'nothing');
test(takes, 'a\tb', 'nothing');
test(takes, 'a\r\nPUB b', 'nothing');
test(takes, 'a\0', 'nothing');
test(takes, '>.a', 'nothing');
test(takes, 'a.>.b', 'nothing');

test('parseSubject() takes the longest subject and no longer one', (t) => {
  t.notThrows(() => parseSubject('a'.repeat(subjectMaxLength)));
  t.throws(() => parseSubject('a'.repeat(subjectMaxLength + 1)), { instanceOf: FaasmError });
});

test('checkQueue() refuses a name that would break a line', (t) => {
  t.notThrows(() => checkQueue('faasm-scheduler'));
  for (const queue of ['', 'a b', 'a\n']) t.throws(() => checkQueue(queue), { instanceOf: FaasmError });
});

const matches = test.macro({
  title: (_, pattern: string, subject: string, expected: boolean) =>
    `subjectMatches() ${pattern} ${expected ? 'takes' : 'leaves'} ${subject}`,
  exec(t, pattern: string, subject: string, expected: boolean) {
    t.is(subjectMatches(pattern, subject), expected);
  },
});

test(matches, 'a.b', 'a.b', true);
test(matches, 'a.b', 'a.c', false);
test(matches, 'a.b', 'a.b.c', false);
test(matches, 'a.b.c', 'a.b', false);
test(matches, '*', 'a', true);
test(matches, '*', 'a.b', false);
test(matches, 'a.*.c', 'a.b.c', true);
test(matches, 'a.*', 'a', false);
test(matches, '>', 'a', true);
test(matches, '>', 'a.b.c', true);
test(matches, 'a.>', 'a.b', true);
test(matches, 'a.>', 'a', false);
test(matches, 'a.*.>', 'a.b', false);
test(matches, 'a.*.>', 'a.b.c.d', true);
test(matches, 'a*', 'ab', false);

test('SubjectTree finds what subjectMatches() says, while patterns come and go', (t) => {
  t.plan(40);
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed);
    const token = () => random.pick(['a', 'b', 'c', 'd']);
    const toSubject = () => Array.from({ length: 1 + random.below(4) }, token).join('.');
    const toPattern = () => {
      const tokens = Array.from({ length: 1 + random.below(4) }, () =>
        random.below(3) === 0 ? '*' : token(),
      );
      if (random.below(3) === 0) tokens.push('>');
      return tokens.join('.');
    };
    const tree = new SubjectTree<{ pattern: string }>();
    let held: { pattern: string }[] = [];
    let wrong = '';
    for (let step = 0; step < 120; step++) {
      if (random.below(3) > 0 || held.length === 0) {
        const entry = { pattern: toPattern() };
        tree.add(parsePattern(entry.pattern), entry);
        held.push(entry);
      } else {
        const gone = random.pick(held);
        tree.remove(parsePattern(gone.pattern), gone);
        tree.remove(parsePattern(gone.pattern), gone);
        held = held.filter((entry) => entry !== gone);
      }
      const subject = toSubject();
      const expected = new Set(held.filter(({ pattern }) => subjectMatches(pattern, subject)));
      const found = tree.match(parseSubject(subject));
      const right = found.length === expected.size && found.every((entry) => expected.has(entry));
      if (!right) wrong ||= `step ${step}: ${subject} gives ${JSON.stringify(found)}`;
    }
    t.is(wrong, '', `seed ${seed}`);
  }
});

const overlap = test.macro({
  title: (_, one: string, other: string, expected: boolean) =>
    `patternsOverlap() is ${expected} of ${one} and ${other}`,
  exec(t, one: string, other: string, expected: boolean) {
    t.is(patternsOverlap(one, other), expected);
    t.is(patternsOverlap(other, one), expected);
  },
});
test(overlap, 'a.b', 'a.b', true);
test(overlap, 'a.*', '*.b', true);
test(overlap, 'a.>', 'a.b.c', true);
test(overlap, '>', 'a', true);
test(overlap, 'a.>', 'a', false);
test(overlap, 'a.*', 'a.b.c', false);
test(overlap, 'a.b.>', 'a.c.>', false);
test(overlap, '*.*.x', 'a.>', true);
test(overlap, 'a.b', 'a.c', false);
