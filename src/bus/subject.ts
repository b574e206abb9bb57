/**
 * Subjects, as NATS has them: tokens parted by dots, none empty, without white space.
 * In a pattern the token `*` stands for exactly one token and a last token `>` for one or more. A star inside a
 * longer token is an ordinary character.
 */
import { badSubject } from './port.ts';

/** In UTF-16 units; a control line of the NATS protocol has as many bytes. */
export const subjectMaxLength = 4096;

/** The tokens of a subject that can be published to. @throws FaasmError `bad_request` */
export function parseSubject(subject: string): string[] {
  const tokens = parseTokens(subject);
  for (const token of tokens) {
    if (token === '*' || token === '>') {
      throw badSubject(subject, `the wildcard ${token} is for subscriptions; publish to a full subject`);
    }
  }
  return tokens;
}

/** Almost every subject there is. */
const plainSubject = /^[\w-]+(?:\.[\w-]+)*$/;

/** As `parseSubject`, for who does not need the tokens. @throws FaasmError `bad_request` */
export function checkSubject(subject: string): void {
  if (subject.length > subjectMaxLength || !plainSubject.test(subject)) parseSubject(subject);
}

/** The tokens of a subject or pattern that can be subscribed to. @throws FaasmError `bad_request` */
export function parsePattern(pattern: string): string[] {
  const tokens = parseTokens(pattern);
  const rest = tokens.indexOf('>');
  if (rest !== -1 && rest !== tokens.length - 1) throw badSubject(pattern, 'the wildcard > has to come last');
  return tokens;
}

export function isPattern(tokens: readonly string[]): boolean {
  return tokens.includes('*') || tokens.at(-1) === '>';
}

/** @throws FaasmError `bad_request` */
export function checkQueue(queue: string): void {
  if (queue === '' || hasSpace(queue)) {
    throw badSubject(queue, 'a queue group has a name without white space');
  }
}

/** Both sides are taken as valid. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (let at = 0; at < wanted.length; at++) {
    if (wanted[at] === '>') return tokens.length > at;
    if (at >= tokens.length || (wanted[at] !== '*' && wanted[at] !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}

/** Whether there is a subject that both match. Both are taken as valid. */
export function patternsOverlap(one: string, other: string): boolean {
  const left = one.split('.');
  const right = other.split('.');
  for (let at = 0; ; at++) {
    const [a, b] = [left[at], right[at]];
    if (a === undefined || b === undefined) return a === b;
    if (a === '>' || b === '>') return true;
    if (a !== '*' && b !== '*' && a !== b) return false;
  }
}

function parseTokens(text: string): string[] {
  if (text === '') throw badSubject(text, 'it is empty');
  if (text.length > subjectMaxLength) throw badSubject(text, `it is longer than ${subjectMaxLength}`);
  if (hasSpace(text)) throw badSubject(text, 'it has white space or a control character');
  const tokens = text.split('.');
  if (tokens.includes('')) throw badSubject(text, 'it has an empty token; look for a dot too many');
  return tokens;
}

function hasSpace(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f) return true;
  }
  return false;
}
