/**
 * The objects actor.
 *
 * In:   inside, `ask.objects.<op>.<user>`: list, get, put
 * Out:  answers
 * Owns: the way to the store that objects of functions are in
 * Never: gives a user another user's objects
 */
import { FaasmError } from '../proto/errors.ts';
import type { UserName } from '../proto/names.ts';
import { answerGuests } from '../src/asks/asks.ts';
import { type Bus, emptyBody } from '../src/bus/port.ts';
import { type ObjectAnswer, type ObjectOp, type ObjectRequest, objectOps } from '../src/objects/messages.ts';
import type { UserObjects } from '../src/objects/user-objects.ts';

export interface ObjectsOptions {
  readonly privateBus: Bus;
  /** Nothing where the host is set to use none. */
  readonly objects: UserObjects | undefined;
}

const nothing: ObjectAnswer = { names: [], bytes: emptyBody };

export function startObjects({ privateBus, objects }: ObjectsOptions): { stop(): void } {
  const answered = objectOps.map((op) =>
    answerGuests(privateBus, 'objects', op, (user, request: ObjectRequest) => answer(op, user, request)),
  );
  return {
    stop() {
      for (const subscription of answered) subscription.unsubscribe();
    },
  };

  async function answer(op: ObjectOp, user: UserName, request: ObjectRequest): Promise<ObjectAnswer> {
    if (objects === undefined) {
      throw new FaasmError('bad_request', 'This host keeps no objects of functions; set FAASM_OBJECTS');
    }
    const { bucket, key, bytes } = request;
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
    }
  }
}
