/** The least that a reliable worker of a Redis list does: BLMOVE a call, RPUSH its result, LREM the call. Argument: server url. */
import { Redis } from 'ioredis';
import { decodeMessage, encodeMessage } from '../../src/calls/message.ts';

const url = process.argv[2]!;
const taking = new Redis(url);
const pushing = new Redis(url);
console.log('ready');
for (;;) {
  const call = await taking.blmoveBuffer('bare', 'bare-running', 'LEFT', 'RIGHT', 0);
  if (call === null) continue;
  const { resultKey, inputData, ...rest } = decodeMessage(call, 'call');
  const result = encodeMessage({
    ...rest,
    inputData: new Uint8Array(0),
    success: true,
    outputData: inputData,
  });
  void pushing.multi().rpush(resultKey, Buffer.from(result)).lrem('bare-running', 1, call).exec();
}
