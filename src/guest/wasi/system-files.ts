/**
 * What programs expect of any system: the devices, and the few files of `/etc` that a libc reads.
 *
 * They lie under the files of a user, whose own ones win. `/dev` and `/etc` are no entries of the root where the user
 * has none: a program that walks all that is there finds its user's files, and comes to no end of zeros. What is in
 * `/etc` is only read.
 */
import type { DeviceName } from './device.ts';
import type { BaseDirectory, BaseNode, FileContent, FileTree } from './file-tree.ts';

type SystemEntry = { readonly device: DeviceName } | { readonly content: FileContent } | SystemFolder;
interface SystemFolder {
  readonly entries: Readonly<Record<string, SystemEntry>>;
}

const device = (name: DeviceName): SystemEntry => ({ device: name });
const file = (name: string, bytes: Uint8Array | string): SystemEntry => {
  const all = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const read: FileContent['read'] = (offset, into) => into.set(all.subarray(offset, offset + into.length));
  return { content: { name: `system:${name}`, byteLength: all.length, isReadOnly: true, read } };
};

const system: SystemFolder = {
  entries: {
    dev: {
      entries: {
        null: device('null'),
        zero: device('zero'),
        random: device('random'),
        urandom: device('random'),
        stdin: device('stdin'),
        stdout: device('stdout'),
        stderr: device('stderr'),
        fd: { entries: { 0: device('stdin'), 1: device('stdout'), 2: device('stderr') } },
      },
    },
    etc: {
      entries: {
        passwd: file('passwd', 'root:x:0:0:root:/:/bin/sh\nfaasm:x:1000:1000:faasm:/:/bin/sh\n'),
        group: file('group', 'root:x:0:\nfaasm:x:1000:\n'),
        hosts: file('hosts', '127.0.0.1 localhost\n'),
        'resolv.conf': file('resolv.conf', ''),
        localtime: file('localtime', toUtcZone()),
      },
    },
  },
};

/** Where they are, from the root. */
export const systemPaths: ReadonlySet<string> = new Set(pathsOf(system, ''));

/** The same tree, with these under it. */
export function addSystemFiles({ root, lastInodeNumber }: FileTree): FileTree {
  let last = lastInodeNumber;

  const make = (entry: SystemEntry, position: number): BaseNode => {
    last += 1;
    const inode = { inodeNumber: last, modifiedNs: 0n, position };
    if ('device' in entry) return { kind: 'device', ...inode, device: entry.device };
    if ('content' in entry) return { kind: 'file', ...inode, content: entry.content };
    const made = Object.entries(entry.entries).map(([name, each], at) => [name, make(each, at)] as const);
    return { kind: 'directory', ...inode, entries: new Map(made), names: made.map(([name]) => name) };
  };

  const add = (directory: BaseDirectory, { entries }: SystemFolder): BaseDirectory => {
    const all = new Map(directory.entries);
    for (const [name, entry] of Object.entries(entries)) {
      const known = directory.entries.get(name);
      if (known === undefined) all.set(name, make(entry, unlisted));
      else if (known.kind === 'directory' && 'entries' in entry) all.set(name, add(known, entry));
    }
    return { ...directory, entries: all };
  };

  const added = add(root, system);
  return { root: added, lastInodeNumber: last };
}

/** The place of an entry that its directory does not list. */
const unlisted = -1;

function pathsOf({ entries }: SystemFolder, prefix: string): string[] {
  return Object.entries(entries).flatMap(([name, entry]) =>
    'entries' in entry ? pathsOf(entry, `${prefix}${name}/`) : [`${prefix}${name}`],
  );
}

/** Universal time as a zone in RFC 9636, version 2: one kind of local time, without an offset, twice; and its rule. */
function toUtcZone(): Uint8Array {
  const headBytes = 44;
  const typesAt = 36;
  const nameBytesAt = 40;
  const head = Buffer.alloc(headBytes);
  head.write('TZif2');
  head.writeUInt32BE(1, typesAt);
  head.writeUInt32BE(4, nameBytesAt);
  const block = Buffer.concat([head, Buffer.alloc(6), Buffer.from('UTC\0')]);
  return Buffer.concat([block, block, Buffer.from('\nUTC0\n')]);
}
