/** Executors that are threads of this process, and what all of them have in common. */
import { privateSubjects } from '../../proto/private-subjects.ts';
import { createAskHost } from '../asks/asks.ts';
import { readBody } from '../bus/port.ts';
import { filesOfCodec } from '../files/messages.ts';
import { FileRevisions } from '../guest/files/file-feed.ts';
import type { ExecutorsOptions, StartExecutor } from './port.ts';
import { ThreadExecutor } from './thread-handle.ts';

export function createThreadExecutors({ settings, faaslets, privateBus }: ExecutorsOptions): StartExecutor {
  const files = new FileRevisions();
  privateBus.subscribe(privateSubjects.fileChanged(), (message) => {
    files.changed(readBody(message, filesOfCodec));
  });
  const parts = { settings, faaslets, fileRevisions: files.buffer, ask: createAskHost(privateBus) };
  return (id, owner, events) => new ThreadExecutor(id, owner, parts, events);
}
