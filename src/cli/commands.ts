/** Every command. Each is loaded when it is used, so that a small one starts fast. */
import type { Command } from './command.ts';

export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

export const commands: ReadonlyMap<string, CommandEntry> = new Map(
  Object.entries({
    dev: {
      summary: 'be a host, with the functions of the folder func built, deployed and watched',
      load: async () => (await import('./commands/dev.ts')).dev,
    },
    start: {
      summary: 'be a host',
      load: async () => (await import('./commands/start.ts')).start,
    },
    config: {
      summary: 'tell what settings a host would have, and where each comes from',
      load: async () => (await import('./commands/config.ts')).config,
    },
    init: {
      summary: 'write the source of a first function',
      load: async () => (await import('./commands/init.ts')).init,
    },
    build: {
      summary: 'compile C, C++, AssemblyScript or WebAssembly text to a module',
      load: async () => (await import('./commands/build.ts')).build,
    },
    deploy: {
      summary: 'upload a module, or a source that is compiled first',
      load: async () => (await import('./commands/deploy.ts')).deploy,
    },
    invoke: {
      summary: 'call a function',
      load: async () => (await import('./commands/invoke.ts')).invoke,
    },
    call: {
      summary: 'make calls as frames for a pipe or a socket, or read the results',
      load: async () => (await import('./commands/call.ts')).call,
    },
    run: {
      summary: 'run a module here, without a host',
      load: async () => (await import('./commands/run.ts')).run,
    },
    logs: {
      summary:
        'follow the calls of a user or of a function: how they end, and what they write to standard error',
      load: async () => (await import('./commands/logs.ts')).logs,
    },
    status: {
      summary: 'tell how an asynchronous call is doing, or give its output',
      load: async () => (await import('./commands/status.ts')).status,
    },
    ls: {
      summary: 'list the functions of a user',
      load: async () => (await import('./commands/ls.ts')).ls,
    },
    rm: {
      summary: 'delete a function',
      load: async () => (await import('./commands/rm.ts')).rm,
    },
    'functions copy': {
      summary: 'copy functions from one place where they are kept to another',
      load: async () => (await import('./commands/functions-copy.ts')).functionsCopy,
    },
    'file put': {
      summary: 'write shared files, which all functions of a user see',
      load: async () => (await import('./commands/file-put.ts')).filePut,
    },
    'file get': {
      summary: 'give a shared file',
      load: async () => (await import('./commands/file-get.ts')).fileGet,
    },
    'file ls': {
      summary: 'list the shared files of a user',
      load: async () => (await import('./commands/file-ls.ts')).fileLs,
    },
    'file rm': {
      summary: 'delete shared files',
      load: async () => (await import('./commands/file-rm.ts')).fileRm,
    },
    'state get': {
      summary: 'give a state value',
      load: async () => (await import('./commands/state-get.ts')).stateGet,
    },
    'state put': {
      summary: 'write a state value',
      load: async () => (await import('./commands/state-put.ts')).statePut,
    },
    'state rm': {
      summary: 'delete a state value',
      load: async () => (await import('./commands/state-rm.ts')).stateRm,
    },
    'state ls': {
      summary: 'list the state values of a user',
      load: async () => (await import('./commands/state-ls.ts')).stateLs,
    },
  } satisfies Record<string, CommandEntry>),
);
