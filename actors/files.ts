/**
 * The files actor.
 *
 * In:   `files.<op>.<user>.<path>`: put, get, describe, list, delete; `host.*.file.<user>` of what another host has
 *       changed; inside, `ask.files.index`
 * Out:  once functions here see a change: `host.<host>.file.<user>` where it was made here, and inside, `file.changed`
 * Owns: the storage of shared files, and which content is at which path
 * Never: opens a file for a guest: executors read contents themselves, from the folder that the storage names
 *
 * A file arrives as one `put`, or as several with one upload id, each beginning where the one before ended; nothing is
 * seen of it before the one that commits it. What a file was before is kept as long as a call may run that still sees it.
 */
import type { FileDescription } from '../proto/messages.ts';
import { type FileOp, fileOps, type PublicSubjects } from '../proto/public-subjects.ts';
import { answerGuests } from '../src/asks/asks.ts';
import { Gates } from '../src/bus/gates.ts';
import { type BusMessage, Encodable, emptyBody, readBody, respond } from '../src/bus/port.ts';
import { readCondition, readPart, respondPart, toVersionHeaders } from '../src/bus/resource-headers.ts';
import { serve } from '../src/bus/serve.ts';
import type { FilesContext, FilesPorts } from '../src/files/context.ts';
import { createLists, listOf, pageOf } from '../src/files/list-files.ts';
import { loadIndex } from '../src/files/load-index.ts';
import {
  fileDescriptionCodec,
  fileListCodec,
  fileListRequestCodec,
  readFileChanged,
  readPut,
  readTarget,
  readUser,
} from '../src/files/messages.ts';
import { find, readFilePart } from '../src/files/read-file.ts';
import { giveUp, receive } from '../src/files/receive-upload.ts';
import { removeFile } from '../src/files/remove-file.ts';
import { takeChange } from '../src/files/take-change.ts';
import { tellInside } from '../src/files/tell.ts';

export interface FilesOptions extends FilesPorts {
  readonly subjects: PublicSubjects;
}

export async function startFiles(options: FilesOptions): Promise<{ stop(): Promise<void> }> {
  const { powers, bus, privateBus, subjects, control, config, log } = options;
  const context: FilesContext = {
    ...options,
    index: await loadIndex(options),
    lists: createLists(),
    gates: new Gates(),
    uploads: new Map(),
    retirements: new Set(),
  };
  const { index, gates, uploads, retirements } = context;
  const handlers: Record<FileOp, (message: BusMessage) => void | Promise<void>> = {
    async put(message) {
      const file = await receive(context, readPut(message));
      if (file === undefined) respond(bus, message, emptyBody);
      else answer(message, file);
    },

    async get(message) {
      const { user, path } = readTarget(message);
      const part = await readFilePart(context, user, path, readPart(message, bus));
      respondPart(bus, message, part);
    },

    async describe(message) {
      const { user, path } = readTarget(message);
      answer(message, await find(context, user, path));
    },

    list(message) {
      const page = pageOf(index, readUser(message), readBody(message, fileListRequestCodec));
      respond(bus, message, new Encodable(page, fileListCodec));
    },

    async delete(message) {
      const { user, path } = readTarget(message);
      const condition = readCondition(message);
      await gates.run(user, () => removeFile(context, user, path, condition));
      respond(bus, message, emptyBody);
    },
  };

  function answer(message: BusMessage, file: FileDescription): void {
    respond(bus, message, new Encodable(file, fileDescriptionCodec), toVersionHeaders(file));
  }

  const subscriptions = [
    serve(bus, {
      clock: powers.clock,
      actor: 'files',
      id: config.host,
      description: 'Write, read, list and delete shared files',
      endpoints: fileOps.map((op) => ({
        name: op,
        subject: subjects.files(op, '*', '*'),
        handler: handlers[op],
      })),
      onFailure(error, { subject }) {
        if (error.http >= 500) log.warn({ err: error, subject }, 'a request about shared files failed');
      },
    }),
    answerGuests(privateBus, 'files', 'index', (user) => listOf(context, user)),
    bus.subscribe(control.fileChanged('*', '*'), async (message) => {
      const { host, user, path } = readFileChanged(message);
      if (host !== config.host) await takeChange(context, user, path);
    }),
  ];
  for (const user of index.users.keys()) tellInside(context, user);
  log.info({ users: index.users.size, contents: index.contents.size }, 'shared files are there');

  return {
    async stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      await gates.idle();
      for (const key of uploads.keys()) await giveUp(context, key);
      for (const timer of retirements) powers.timers.cancel(timer);
    },
  };
}
