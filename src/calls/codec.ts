import type { Call, CallResult } from '../../proto/call.ts';
import type { Codec } from '../bus/port.ts';
const no = (): never => { throw new Error('not yet'); };
export const callCodec: Codec<Call> = { name: 'call', encode: no, decode: no };
export const callResultCodec: Codec<CallResult> = { name: 'result', encode: no, decode: no };
