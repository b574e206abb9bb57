/** How the answers of state and of the calls actor look on the bus. */
import { FaasmError } from '../../proto/errors.ts';
import { type CallStatus, callStates, type StateDescription } from '../../proto/messages.ts';
import { fromStateToken, toCallId, toFunctionName, toUserName } from '../../proto/names.ts';
import { msgpackCodec } from '../bus/msgpack.ts';
import type { Codec } from '../bus/port.ts';

export const callStatusCodec: Codec<CallStatus> = msgpackCodec('call status', (value) => {
  const status = record(value);
  const state = callStates.find((each) => each === status.state);
  if (state === undefined) throw new FaasmError('bad_message', 'a state is wanted');
  return {
    ...(value as CallStatus),
    id: toCallId(String(status.id)),
    user: toUserName(String(status.user)),
    function: toFunctionName(String(status.function)),
    state,
  };
});

export const stateDescriptionCodec: Codec<StateDescription> = msgpackCodec(
  'state description',
  toStateDescription,
);

export const stateListCodec: Codec<readonly StateDescription[]> = msgpackCodec('state list', (value) => {
  if (!Array.isArray(value)) throw new FaasmError('bad_message', 'a list is wanted');
  return value.map(toStateDescription);
});

function toStateDescription(value: unknown): StateDescription {
  const { key, sizeBytes, version } = record(value);
  return { key: fromStateToken(String(key)), sizeBytes: toCount(sizeBytes), version: toCount(version) };
}

function toCount(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FaasmError('bad_message', 'a size and a version are whole numbers');
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FaasmError('bad_message', 'an object is wanted');
}
