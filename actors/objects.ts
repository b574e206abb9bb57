/**
 * The objects actor.
 *
 * In:   `objects.<op>.<user>`: list, get, put
 * Out:  answers
 * Owns: the way to the store that objects of functions are in
 * Never: gives a user another user's objects
 */
import { FaasmError } from '../proto/errors.ts';
import { type HostId, toUserName } from '../proto/names.ts';
import { type Subjects, tokensAfter } from '../proto/subjects.ts';
import { type Bus, type BusMessage, Encodable, emptyBody, readBody, respond } from '../src/bus/port.ts';
import { serve } from '../src/bus/serve.ts';
import { type ObjectAnswer, objectAnswerCodec, objectRequestCodec } from '../src/objects/messages.ts';
import type { UserObjects } from '../src/objects/user-objects.ts';

export interface ObjectsOptions {
  readonly host: HostId;
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** Nothing where the host is set to use none. */
  readonly objects: UserObjects | undefined;
}

const nothing: ObjectAnswer = { names: [], bytes: emptyBody };

export function startObjects({ host, bus, subjects, objects }: ObjectsOptions): { stop(): void } {
  const served = serve(bus, {
    actor: 'objects',
    id: host,
    description: 'Read and write objects of functions in an S3-compatible store',
    endpoints: [{ name: 'objects', subject: subjects.objects('*', '*'), handler: onMessage }],
  });
  return { stop: () => served.unsubscribe() };

  async function onMessage(message: BusMessage): Promise<void> {
    respond(bus, message, new Encodable(await answer(message), objectAnswerCodec));
  }

  async function answer(message: BusMessage): Promise<ObjectAnswer> {
    if (objects === undefined) {
      throw new FaasmError('bad_request', 'This host keeps no objects of functions; set FAASM_OBJECTS');
    }
    const [op, token = ''] = tokensAfter(message.subject, 1);
    const user = toUserName(token);
    const { bucket, key, bytes } = readBody(message, objectRequestCodec);
    switch (op) {
      case 'list':
        return {
          ...nothing,
          names: await (bucket === '' ? objects.buckets(user) : objects.keys(user, bucket)),
        };
      case 'get':
        return { ...nothing, bytes: await objects.get(user, bucket, key) };
      case 'put':
        await objects.put(user, bucket, key, bytes);
        return nothing;
      default:
        throw new FaasmError('bad_request', `Objects have no operation ${op}; they have list, get, put`);
    }
  }
}
