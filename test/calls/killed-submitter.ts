/** Submits asynchronous calls and prints `id input` when one was acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startCalls } from '../../actors/calls.ts';
import { type HostId, toFunctionName, toUserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createPublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../../src/bus/error-headers.ts';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { emptyBody, readBody, respond } from '../../src/bus/port.ts';
import { answerInside } from '../../src/bus/private.ts';
import { begunIn } from '../../src/calls/begun-marks.ts';
import { createCallIds } from '../../src/calls/call-id.ts';
import { callStatusCodec } from '../../src/calls/queue-messages.ts';
import { openSqliteCallQueue } from '../../src/calls/sqlite-queue.ts';
import { loadConfig } from '../../src/config/config.ts';
import { nodePowers } from '../../src/power/node.ts';
import { admitTopic } from '../../src/scheduler/messages.ts';
import { noLog } from '../state/host.ts';

const bus = createMemoryBus({ powers: nodePowers });
const privateBus = createMemoryBus({ powers: nodePowers });
const subjects = createPublicSubjects();
bus.subscribe(subjects.functions('*', '*', '*'), (message) => respond(bus, message, emptyBody));
answerInside(privateBus, privateSubjects.admit(), admitTopic, async ({ call: { id, input: output } }) => {
  await delay(3);
  return { id, output, returnValue: 0 };
});
const queue = await openSqliteCallQueue(process.argv[2]!);
await startCalls({
  powers: nodePowers,
  host: 'test' as HostId,
  bus,
  privateBus,
  subjects,
  queue,
  begun: begunIn(`${process.argv[2]}-begun`),
  config: loadConfig().calls,
  log: noLog,
  newCallId: createCallIds(nodePowers.random),
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
