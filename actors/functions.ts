/**
 * The functions actor.
 *
 * In:   `functions.<op>.<user>.<function>`: upload, describe, list, delete, fetch; `host.*.function.<user>.<function>`
 *       of what another host has changed; inside, `program`
 * Out:  `host.<host>.function.<user>.<function>` once a version is live here or gone; inside, `function.changed` of
 *       every change that is known here, and `initialize`
 * Owns: function storage, which version of each function is live, and the Proto-Faaslets that are held
 * Never: runs a module itself, or lets one go live that it could not prepare
 *
 * Hosts may share a store. What another host has changed is found when it says so, when somebody asks for a function
 * that is not known here, and by looking now and then.
 *
 * A change is answered when every host that can be reached has heard of it: from then on none takes a call for the
 * version before. A host that has heard of a version and does not have it yet reads the store before it runs anything.
 */

import { privateSubjects } from '../proto/private-subjects.ts';
import { type FunctionOp, functionOps, type PublicSubjects } from '../proto/public-subjects.ts';
import { Gates } from '../src/bus/gates.ts';
import { type BusMessage, Encodable, emptyBody, respond } from '../src/bus/port.ts';
import { answerInside } from '../src/bus/private.ts';
import { readCondition, toVersionHeaders } from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import type { FunctionsContext, FunctionsPorts } from '../src/functions/context.ts';
import { createFunctionsState } from '../src/functions/decide.ts';
import { find, listOf, liveOf } from '../src/functions/find.ts';
import { followStore } from '../src/functions/follow-store.ts';
import { initialize } from '../src/functions/initialize.ts';
import {
  functionDescriptionCodec,
  functionListCodec,
  programTopic,
  readFunctionChanged,
  readTarget,
  readUploadRequest,
  readUser,
} from '../src/functions/messages.ts';
import { createPreparedModules } from '../src/functions/prepared-modules.ts';
import type { Preparer } from '../src/functions/preparer.ts';
import { createFunctionPrograms } from '../src/functions/programs.ts';
import { createProtos } from '../src/functions/protos.ts';
import { remove } from '../src/functions/remove.ts';
import { step } from '../src/functions/step.ts';
import { loadVersion, takeProgram } from '../src/functions/take-program.ts';
import { upload } from '../src/functions/upload.ts';
import { Announcer } from '../src/hosts/announcer.ts';
import type { MemoryPort } from '../src/memory/port.ts';
import { within } from '../src/power/within.ts';

export interface FunctionsOptions extends FunctionsPorts {
  readonly subjects: PublicSubjects;
  readonly preparer: Preparer;
  readonly memory: MemoryPort;
  /** Called when the store cannot be read, with the reason, and when it can again. */
  onStore(why: string | undefined): void;
}

export interface FunctionsActor {
  /** Takes nothing more, and ends uploads that are prepared for longer than this. */
  stop(drainTimeoutMs: number): Promise<void>;
}

export async function startFunctions(options: FunctionsOptions): Promise<FunctionsActor> {
  const { powers, bus, privateBus, subjects, control, store, preparer, asyncify, config, log } = options;
  const stopping = new AbortController();
  const gates = new Gates();
  const context: FunctionsContext = {
    ...options,
    gates,
    state: createFunctionsState({ ...config, isShared: config.refreshMs > 0 }),
    announcer: new Announcer({ ...options, ...config }),
    modules: createPreparedModules(preparer, (sha256) => store.readModule(sha256)),
    programs: createFunctionPrograms({
      memory: options.memory,
      protos: createProtos({ store, log, initialize: (program) => initialize(options, program) }),
      load: (user, name, version) => loadVersion(context, user, name, version),
    }),
  };
  const { state, announcer, programs } = context;

  const handlers: Record<FunctionOp, (message: BusMessage) => Promise<void>> = {
    async upload(message) {
      const request = readUploadRequest(message);
      const live = await gates.run(`${request.user}/${request.name}`, () => upload(context, request));
      respond(bus, message, new Encodable(live, functionDescriptionCodec));
    },

    async describe(message) {
      const { user, name } = readTarget(message);
      respond(bus, message, new Encodable(await find(context, user, name), functionDescriptionCodec));
    },

    async list(message) {
      respond(bus, message, new Encodable(listOf(state, readUser(message)), functionListCodec));
    },

    async delete(message) {
      const { user, name } = readTarget(message);
      const condition = readCondition(message);
      await gates.run(`${user}/${name}`, () => remove(context, user, name, condition));
      respond(bus, message, emptyBody);
    },

    async fetch(message) {
      const { user, name } = readTarget(message);
      const { version, module } = liveOf(await find(context, user, name));
      respond(bus, message, await store.readModule(module), toVersionHeaders({ version }));
    },
  };

  const changes = bus.subscribe(control.functionChanged('*', '*', '*'), async (message) => {
    const done = step(context, { type: 'heard', change: readFunctionChanged(message) });
    announcer.confirm(message);
    await done;
  });
  await followStore(context, options.onStore, stopping.signal);
  const served = serve(bus, {
    clock: powers.clock,
    actor: 'functions',
    id: config.host,
    description: 'Upload, describe, list and delete functions',
    endpoints: functionOps.map((op) => ({
      name: op,
      subject: subjects.functions(op, '*', '*'),
      handler: handlers[op],
    })),
  });
  const given = answerInside(privateBus, privateSubjects.program(), programTopic, (request) =>
    takeProgram(context, request),
  );
  log.info({ functions: state.known.size, store: store.place }, 'functions are live');

  return {
    async stop(drainTimeoutMs) {
      stopping.abort();
      for (const subscription of [served, given, changes]) subscription.unsubscribe();
      const changed = gates.idle();
      await within(powers.timers, drainTimeoutMs, changed);
      announcer.close();
      asyncify.close();
      await preparer.close();
      // What had been prepared is written, and nothing else is.
      await changed;
      programs.close();
      await store.close();
    },
  };
}
