/** Submits asynchronous calls and prints `id input` when one was acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { startCalls } from '../../actors/calls.ts';
import { type HostId, toFunctionName, toUserName } from '../../proto/names.ts';
import { createSubjects } from '../../proto/subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { emptyBody, readBody, respond, toBytes } from '../../src/bus/port.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import { defaultCallsConfig } from '../../src/calls/queue-config.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import { openSqliteCallQueue } from '../../src/calls/sqlite-queue.ts';
import { noLog } from '../state/host.ts';

const bus = createMemoryBus();
const subjects = createSubjects();
bus.subscribe(subjects.functions('*', '*', '*'), (message) => respond(bus, message, emptyBody));
bus.subscribe(subjects.invoke('*', '*'), (message) => {
  setTimeout(() => respond(bus, message, toBytes(message.body)), 3);
});
const queue = await openSqliteCallQueue(process.argv[2]!);
await startCalls({
  host: 'test' as HostId,
  bus,
  subjects,
  queue,
  begunFolder: `${process.argv[2]}-begun`,
  config: defaultCallsConfig,
  log: noLog,
  newCallId: createCallIds(),
});

const subject = subjects.async(toUserName('ann'), toFunctionName('echo'));

async function submit(name: string): Promise<void> {
  for (let count = 1; ; count++) {
    const input = `${name}-${count}`;
    const answer = expectAnswer(await bus.request(subject, new TextEncoder().encode(input)));
    writeSync(1, `${readBody(answer, callStatusCodec).id} ${input}\n`);
  }
}

for (const name of ['one', 'two', 'three', 'four']) void submit(name);
