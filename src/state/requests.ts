/**
 * What anybody may ask about values, one function an operation. `get`, `set` and `append` carry raw bytes, with what
 * else there is to say in headers; the rest is as in tier/messages.ts. A change is answered when it is durable.
 */
import { FaasmError } from '../../proto/errors.ts';
import type { StateKey, UserName } from '../../proto/names.ts';
import type { StateOp } from '../../proto/public-subjects.ts';
import { type Bus, type BusMessage, Encodable, readBody, respond, toBytes } from '../bus/port.ts';
import {
  readCondition,
  readOffset,
  readPart,
  readUpload,
  respondPart,
  toVersionHeaders,
} from '../bus/resource-headers.ts';
import { toWriteCondition } from './core/condition.ts';
import { nameOf, showValue } from './core/value-name.ts';
import type { StoredValue, WriteCondition } from './stores/port.ts';
import { stateCodecs } from './tier/messages.ts';
import type { Staging } from './tier/staging.ts';
import type { Values } from './tier/values.ts';

interface Request {
  readonly message: BusMessage;
  readonly user: UserName;
  readonly key: StateKey;
}

export interface RequestOptions {
  readonly bus: Bus;
  readonly values: Values;
  readonly staging: Staging;
}

export function createRequests({
  bus,
  values,
  staging,
}: RequestOptions): Record<StateOp, (request: Request) => Promise<void>> {
  return {
    async get({ message, user, key }) {
      const { offset, length } = readPart(message, bus);
      const found = await values.read(user, key, offset, length);
      if (found === undefined) throw notFound(user, key);
      respondPart(bus, message, { what: `State ${showValue(user, key)}`, ...found });
    },

    async set(request) {
      const { message, user, key } = request;
      const condition = conditionOf(request);
      const offset = readOffset(message);
      const upload = readUpload(message);
      const bytes = toBytes(message.body);
      if (upload === undefined) {
        const place = offset === undefined ? 'whole' : { offset };
        answer(request, await values.write(user, key, place, bytes, condition));
      } else {
        const { id, commitBytes } = upload;
        answer(request, await staging.part(key, { user, upload: id, offset, commitBytes, bytes }, condition));
      }
    },

    async append(request) {
      const { message, user, key } = request;
      answer(request, await values.write(user, key, 'end', toBytes(message.body), conditionOf(request)));
    },

    async delete(request) {
      const { message, user, key } = request;
      await values.delete(user, key, conditionOf(request));
      respond(bus, message, new Encodable(null, stateCodecs.delete.answer));
    },

    async size(request) {
      const found = await values.describe(request.user, request.key);
      if (found === undefined) throw notFound(request.user, request.key);
      answer(request, found);
    },

    async list({ message, user }) {
      const { after, limit } = readBody(message, stateCodecs.list.request);
      const list = await values.list(user, after, limit);
      respond(bus, message, new Encodable(list, stateCodecs.list.answer));
    },
  };

  function answer({ message, key }: Request, value: StoredValue): void {
    const { sizeBytes, version } = value;
    const description = new Encodable({ key, sizeBytes, version }, stateCodecs.set.answer);
    respond(bus, message, description, toVersionHeaders(value));
  }
}

/** @throws FaasmError `bad_request`, `precondition_failed` */
function conditionOf({ message, user, key }: Request): WriteCondition {
  return toWriteCondition(readCondition(message), nameOf(user, key));
}

function notFound(user: UserName, key: StateKey): FaasmError {
  return new FaasmError('not_found', `No state ${showValue(user, key)}`, { details: { component: 'state' } });
}
