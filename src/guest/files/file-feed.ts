/**
 * How executors learn of shared files.
 *
 *   main thread                                     executor, when a call begins
 *   a file of a user changed ── revision + 1 ─────> is it the revision that is known?  yes: nothing to do
 *   the list of the user's files <── asks, waits ── no
 *                                ── answers ──────> a new tree
 *
 * Revisions are words in shared memory, found by a hash of the user's name; whom others share a word with is merely
 * asked for more often. 0 says that nobody with that hash has ever had a file. So a call of a user without files costs
 * one load, and a call that begins after a change sees it, whichever way the call came.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { FaasmError } from '../../../proto/errors.ts';
import type { UserName } from '../../../proto/names.ts';
import { createFileTree, emptyFileTree, type FileTree, type FileTreeEntry } from '../wasi/file-tree.ts';
import { addSystemFiles } from '../wasi/system-files.ts';
import type { FileContents } from './file-contents.ts';
import type { SharedFiles, UserFiles } from './shared-files.ts';

/** A file of a user: its path, the name of its content, its size, and when it was modified, in Unix milliseconds. */
export type FileRow = readonly [path: string, content: string, sizeBytes: number, modifiedAtMs: number];

/** The executor's end, to be posted to it with its port. */
export interface FileFeedEnd {
  readonly revisions: SharedArrayBuffer;
  /** Counts the answers. */
  readonly answered: SharedArrayBuffer;
  readonly port: MessagePort;
}

interface Ask {
  readonly ask: number;
  readonly user: UserName;
}

interface Answer {
  readonly ask: number;
  /** FileRows as JSON. */
  readonly rows?: Uint8Array;
  readonly error?: string;
}

const revisionWords = 4096;
/** The main thread answers within a millisecond, if it is not overloaded. */
const answerTimeoutMs = 5000;
/** Of a user without any. */
const noFiles = addSystemFiles(emptyFileTree);
/** Whose trees an executor keeps. */
const usersMax = 256;

/** The main thread's end. */
export class FileFeed {
  readonly #revisions = new Int32Array(new SharedArrayBuffer(revisionWords * 4));
  readonly #list: (user: UserName) => Promise<Uint8Array>;

  /** @param list gives FileRows as JSON */
  constructor(list: (user: UserName) => Promise<Uint8Array>) {
    this.#list = list;
  }

  changed(user: UserName): void {
    const word = wordOf(user);
    // 0 is for never.
    if (Atomics.add(this.#revisions, word, 1) === -1) Atomics.add(this.#revisions, word, 1);
  }

  connect(): FileFeedEnd {
    const { port1, port2 } = new MessageChannel();
    const answered = new Int32Array(new SharedArrayBuffer(4));
    port1.unref();
    port1.on('message', async ({ ask, user }: Ask) => {
      let answer: Answer;
      try {
        answer = { ask, rows: await this.#list(user) };
      } catch (thrown) {
        answer = { ask, error: FaasmError.from(thrown).message };
      }
      port1.postMessage(answer);
      Atomics.add(answered, 0, 1);
      Atomics.notify(answered, 0);
    });
    return { revisions: this.#revisions.buffer as SharedArrayBuffer, answered: answered.buffer, port: port2 };
  }
}

/** The executor's end. */
export class FollowedFiles implements SharedFiles {
  readonly #revisions: Int32Array;
  readonly #answered: Int32Array;
  readonly #port: MessagePort;
  readonly #contents: FileContents;
  readonly #users = new LRUCache<UserName, UserFiles>({ max: usersMax });
  #lastAsk = 0;

  constructor({ revisions, answered, port }: FileFeedEnd, contents: FileContents) {
    this.#revisions = new Int32Array(revisions);
    this.#answered = new Int32Array(answered);
    this.#port = port;
    this.#contents = contents;
  }

  of(user: UserName): UserFiles {
    let files = this.#users.get(user);
    if (files === undefined) this.#users.set(user, (files = this.#follow(user)));
    return files;
  }

  #follow(user: UserName): UserFiles {
    const word = wordOf(user);
    let known = 0;
    let tree = noFiles;
    return {
      now: () => {
        const revision = Atomics.load(this.#revisions, word);
        if (revision === known) return tree;
        tree = this.#ask(user);
        known = revision;
        return tree;
      },
    };
  }

  #ask(user: UserName): FileTree {
    const ask = ++this.#lastAsk;
    this.#port.postMessage({ ask, user } satisfies Ask);
    const untilMs = performance.now() + answerTimeoutMs;
    for (;;) {
      const count = Atomics.load(this.#answered, 0);
      const answer = receiveMessageOnPort(this.#port)?.message as Answer | undefined;
      if (answer?.ask === ask) return this.#toTree(user, answer);
      // One that came too late for its own ask.
      if (answer !== undefined) continue;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw unavailable(user, `no answer within ${answerTimeoutMs} ms`);
      Atomics.wait(this.#answered, 0, count, leftMs);
    }
  }

  #toTree(user: UserName, { rows, error }: Answer): FileTree {
    if (rows === undefined) throw unavailable(user, error ?? 'no answer');
    const files = JSON.parse(new TextDecoder().decode(rows)) as FileRow[];
    if (files.length === 0) return noFiles;
    const tree = createFileTree(
      files.map(([path, content, sizeBytes, modifiedAtMs]): [string, FileTreeEntry] => [
        path,
        {
          content: this.#contents.content(content, sizeBytes),
          modifiedNs: BigInt(modifiedAtMs) * 1_000_000n,
        },
      ]),
    );
    return addSystemFiles(tree);
  }
}

/** FNV-1a. */
function wordOf(user: UserName): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < user.length; at++) hash = Math.imul(hash ^ user.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % revisionWords;
}

function unavailable(user: UserName, why: string): FaasmError {
  return new FaasmError('storage_unavailable', `The shared files of ${user} are not known: ${why}`, {
    details: { component: 'files' },
  });
}
