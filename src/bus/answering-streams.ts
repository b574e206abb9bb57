/**
 * JetStream streams that answer in place of the system. A stream acknowledges what it stores to the message's reply
 * subject: where it takes a subject that hosts are asked on, whoever asks gets that acknowledgement, as it comes
 * first. Such a stream is found by its subjects; one with `no_ack` is none.
 */
import { type Bus, toBytes } from './port.ts';
import { patternsOverlap } from './subject.ts';

export interface AnsweringStream {
  readonly name: string;
  /** Its own, that overlaps. */
  readonly subject: string;
}

/** A system without JetStream does not answer, or answers with an error. */
const listTimeoutMs = 2000;
const pagesMax = 100;

/** What the server says of itself, in the words of the JetStream API. */
interface StreamList {
  readonly total?: number;
  readonly streams?: readonly {
    readonly config?: {
      readonly name?: string;
      readonly subjects?: readonly string[];
      readonly no_ack?: boolean;
    };
  }[];
}

/** @param asked patterns on which requests are sent @throws FaasmError where there is no JetStream that could be asked */
export async function findAnsweringStreams(bus: Bus, asked: readonly string[]): Promise<AnsweringStream[]> {
  const found: AnsweringStream[] = [];
  let offset = 0;
  for (let page = 0; page < pagesMax; page++) {
    const answer = await bus.request('$JS.API.STREAM.LIST', Buffer.from(JSON.stringify({ offset })), {
      timeoutMs: listTimeoutMs,
    });
    const { total = 0, streams = [] } = JSON.parse(
      Buffer.from(toBytes(answer.body)).toString(),
    ) as StreamList;
    for (const { config = {} } of streams) {
      const { name = '', subjects = [], no_ack: isSilent = false } = config;
      const subject = subjects.find((streamed) =>
        asked.some((pattern) => patternsOverlap(streamed, pattern)),
      );
      if (subject !== undefined && !isSilent) found.push({ name, subject });
    }
    offset += streams.length;
    if (streams.length === 0 || offset >= total) break;
  }
  return found;
}

/** Calls back when a stream was made, changed or removed. */
export function watchStreams(bus: Bus, onChange: () => void): void {
  for (const action of ['CREATED', 'UPDATED', 'DELETED']) {
    bus.subscribe(`$JS.EVENT.ADVISORY.STREAM.${action}.*`, onChange);
  }
}

/** What is wrong, and the way out; nothing where no stream answers. */
export function describeStreams([first, ...more]: readonly AnsweringStream[]): string | undefined {
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` (and ${more.map(({ name }) => name).join(', ')})`;
  return (
    `the JetStream stream ${first.name}${others} takes ${first.subject} and acknowledges it in place of the hosts' ` +
    `answers; take that subject from the stream, set its no_ack, or give the hosts another FAASM_PREFIX`
  );
}
