/** A call whose input is elsewhere, or whose output goes elsewhere: what is brought before it, and put away after it. */
import type { Call, CallResult } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import { emptyBody } from '../bus/port.ts';
import type { CallData } from '../calls/call-data.ts';
import type { Places } from '../calls/invocation.ts';
import { showPlace } from '../calls/place.ts';

/** Resolves when its output is where it goes. @throws what it fails with; `bad_request`, and as CallData does */
export async function runBetween(
  data: Pick<CallData, 'check' | 'read' | 'write'>,
  call: Call,
  { input, output }: Places,
  run: (call: Call) => Promise<CallResult>,
): Promise<CallResult> {
  const { user } = call;
  if (input !== undefined && call.input.length > 0) {
    throw new FaasmError(
      'bad_request',
      `A call has its input in the body or at ${showPlace(input)}, not both`,
    );
  }
  if (output !== undefined) data.check(user, output);
  const result = await run(input === undefined ? call : { ...call, input: await data.read(user, input) });
  if (output === undefined) return result;
  await data.write(user, output, result.output);
  return { ...result, output: emptyBody };
}
