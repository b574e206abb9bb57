/**
 * How executors learn of shared files.
 *
 *   main thread                                     executor, when a call begins
 *   a file of a user changed ── revision + 1 ─────> is it the revision that is known?  yes: nothing to do
 *                                                   no: asks for the list of the user's files, waits, has a new tree
 *
 * Revisions are words in shared memory, found by a hash of the user's name; whom others share a word with is merely
 * asked for more often. 0 says that nobody with that hash has ever had a file. So a call of a user without files costs
 * one load, and a call that begins after a change sees it, whichever way the call came.
 */
import { LRUCache } from 'lru-cache';
import { FaasmError } from '../../../proto/errors.ts';
import type { UserName } from '../../../proto/names.ts';
import { createFileTree, emptyFileTree, type FileTree, type FileTreeEntry } from '../wasi/file-tree.ts';
import { addSystemFiles } from '../wasi/system-files.ts';
import type { FileContents } from './file-contents.ts';
import type { SharedFiles, UserFiles } from './shared-files.ts';

/** A file of a user: its path, the name of its content, its size, and when it was modified, in Unix milliseconds. */
export type FileRow = readonly [path: string, content: string, sizeBytes: number, modifiedAtMs: number];

/** FileRows as JSON, at once. @throws FaasmError */
export type ListFilesNow = (user: UserName) => Uint8Array;

const revisionWords = 4096;
/** Of a user without any. */
const noFiles = addSystemFiles(emptyFileTree);
/** Whose trees an executor keeps. */
const usersMax = 256;

/** Which files are known to have changed; on the main thread. */
export class FileRevisions {
  readonly buffer = new SharedArrayBuffer(revisionWords * 4);
  readonly #words = new Int32Array(this.buffer);

  changed(user: UserName): void {
    const word = wordOf(user);
    // 0 is for never.
    if (Atomics.add(this.#words, word, 1) === -1) Atomics.add(this.#words, word, 1);
  }
}

/** Of an executor. */
export class FollowedFiles implements SharedFiles {
  readonly #revisions: Int32Array;
  readonly #list: ListFilesNow;
  readonly #contents: FileContents;
  readonly #users = new LRUCache<UserName, UserFiles>({ max: usersMax });

  /** @param revisions the buffer of FileRevisions */
  constructor(revisions: SharedArrayBuffer, list: ListFilesNow, contents: FileContents) {
    this.#revisions = new Int32Array(revisions);
    this.#list = list;
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
    try {
      return this.#toTree(this.#list(user));
    } catch (thrown) {
      const why = FaasmError.from(thrown).message;
      throw new FaasmError('storage_unavailable', `The shared files of ${user} are not known: ${why}`, {
        details: { component: 'files' },
      });
    }
  }

  #toTree(rows: Uint8Array): FileTree {
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
