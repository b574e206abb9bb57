/**
 * What is said on the private bus: values, handed over as they are. Whoever asks gets a value, or the error that the
 * question ended with.
 */
import { FaasmError } from '../../proto/errors.ts';
import { expectAnswer, respondError } from './error-headers.ts';
import {
  type Bus,
  type BusMessage,
  type Codec,
  Encodable,
  readBody,
  respond,
  type Subscription,
} from './port.ts';

export interface Topic<Question, Answer> {
  readonly question: Codec<Question>;
  readonly answer: Codec<Answer>;
}

export function createTopic<Question, Answer>(name: string): Topic<Question, Answer> {
  return { question: createValueCodec(name), answer: createValueCodec(`${name} answer`) };
}

/** For what never leaves its process: it may hold functions, shared memory and compiled modules. */
export function createValueCodec<T>(name: string): Codec<T> {
  const refuse = (): never => {
    throw new FaasmError('internal', `${name} is handed over inside a process only`);
  };
  return { name, encode: refuse, decode: refuse };
}

/**
 * @param timeoutMs 0 waits for as long as it takes
 * @throws FaasmError what the question ended with, `no_responders`, `deadline_exceeded`
 */
export async function askInside<Question, Answer>(
  bus: Bus,
  subject: string,
  { question, answer }: Topic<Question, Answer>,
  value: Question,
  timeoutMs = 0,
): Promise<Answer> {
  const message = await bus.request(subject, new Encodable(value, question), { timeoutMs });
  return readBody(expectAnswer(message), answer);
}

/** @param find what to answer; when it throws, that is the answer */
export function answerInside<Question, Answer>(
  bus: Bus,
  subject: string,
  { question, answer }: Topic<Question, Answer>,
  find: (value: Question, message: BusMessage) => Answer | Promise<Answer>,
): Subscription {
  return bus.subscribe(subject, async (message) => {
    try {
      respond(bus, message, new Encodable(await find(readBody(message, question), message), answer));
    } catch (thrown) {
      respondError(bus, message, thrown);
    }
  });
}
