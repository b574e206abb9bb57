/** Tells the core what has happened, and does what it decides. */
import type { FunctionChanged } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { Encodable } from '../bus/port.ts';
import type { FunctionsContext } from './context.ts';
import { decide, type FunctionsEffect, type FunctionsMessage } from './decide.ts';
import { functionChangedCodec } from './messages.ts';
import type { KeptFunction, ListedFunction } from './port.ts';

/** Descriptions that are read beside each other. */
const readsAtOnce = 16;

/** Effects begin at once, in their order. Resolves when all are done. @throws FaasmError why it is refused */
export async function step(context: FunctionsContext, message: FunctionsMessage): Promise<void> {
  await Promise.all(decide(context.state, message).map((effect) => perform(context, effect)));
}

/** One function as the store has it now. @throws FaasmError `storage_unavailable`, `storage_corrupt` */
export async function look(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
): Promise<KeptFunction | undefined> {
  const { state, store, powers } = context;
  const before = state.known.get(`${user}/${name}`);
  const found = await store.read(user, name);
  const [wallMs, steadyMs] = [powers.clock.wallMs(), powers.clock.steadyMs()];
  await step(context, { type: 'read', user, name, found, before, wallMs, steadyMs });
  return state.known.get(`${user}/${name}`);
}

function perform(context: FunctionsContext, effect: FunctionsEffect): Promise<void> | void {
  const { bus, privateBus, store, announcer, programs, gates, log } = context;
  switch (effect.type) {
    case 'refuse':
      throw effect.error;
    case 'read':
      return readAll(context, effect.functions);
    case 'tell': {
      const { user, name, version } = effect.change;
      log.debug({ function: `${user}/${name}`, version }, 'function changed');
      privateBus.tell(privateSubjects.functionChanged(), new Encodable(effect.change, functionChangedCodec));
      return;
    }
    case 'tellAll':
      bus.tell(...toNews(context, effect.change));
      return;
    case 'announce':
      return announcer.announce(...toNews(context, effect.change));
    case 'forget':
      programs.remove(effect.user, effect.name);
      return;
    case 'removeModule':
      return tidied(gates.run(effect.module, () => store.removeModule(effect.module)));
    case 'keepProtos':
      return tidied(store.keepProtos(effect.user, effect.name, effect.versions));
    case 'report':
      log.error(
        { function: `${effect.user}/${effect.name}`, err: effect.error },
        'a function cannot be read',
      );
  }

  function tidied(work: Promise<void>): Promise<void> {
    return work.catch((err) => log.warn({ err }, 'what no function has any more could not be removed'));
  }
}

async function readAll(context: FunctionsContext, functions: readonly ListedFunction[]): Promise<void> {
  const reading = functions.values();
  const readOn = async (): Promise<void> => {
    for (const { user, name, tag } of reading) {
      await look(context, user, name).catch((error: unknown) =>
        step(context, { type: 'unreadable', user, name, tag, error }),
      );
    }
  };
  await Promise.all(Array.from({ length: readsAtOnce }, readOn));
}

function toNews(
  { control, config }: FunctionsContext,
  change: FunctionChanged,
): [subject: string, body: Encodable<FunctionChanged>] {
  const subject = control.functionChanged(config.host, change.user, change.name);
  return [subject, new Encodable(change, functionChangedCodec)];
}
