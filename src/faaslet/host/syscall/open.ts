/** Opening files: those of the tree, and the few beside it that the original lets every function read. */
import { GuestFault } from '../guest-fault.ts';
import { Descriptor } from '../wasi/descriptors.ts';
import type { Directory } from '../wasi/directory.ts';
import { fail } from '../wasi/errno.ts';
import type { File } from '../wasi/inode.ts';
import { fdFlag } from '../wasi/layout.ts';
import type { Place } from '../wasi/resolve.ts';
import { directoryRights, fileRights, right } from '../wasi/rights.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { type Device, openDevice } from './devices.ts';
import { openFlag } from './layout.ts';

const workingDirectoryFd = -100;

/** These need not be in the tree. */
const texts: Readonly<Record<string, string>> = {
  '/etc/hosts': '127.0.0.1 localhost\n',
  '/etc/resolv.conf': '',
};
const devices: Readonly<Record<string, Device>> = { '/dev/urandom': 'random', '/dev/null': 'null' };
const utf8 = new TextEncoder();

export const openCalls = {
  open: (context, path, flags) => open(context, context.path(path), flags),
  openat: (context, fd, path, flags) => open(context, context.path(path), flags, fd),
  creat: (context, path) =>
    open(context, context.path(path), openFlag.writeOnly | openFlag.create | openFlag.truncate),
} satisfies SystemCalls;

/** @throws GuestFault in the words of the original, for a path that leads nowhere a function may look */
function open(context: SyscallContext, path: string, flags: number, from = workingDirectoryFd): number {
  const { wasi } = context;
  wasi.descriptors.checkRoom();
  const at = placeToOpen(context, path, flags, from);
  if (at === undefined) return openOutside(context, path, flags);
  if (at.inode !== undefined && has(flags, openFlag.create | openFlag.exclusive)) fail('exist');
  const inode = at.inode ?? wasi.tree.createFile(at);
  switch (inode.kind) {
    case 'link':
      return fail('loop');
    case 'directory':
      return openDirectory(context, inode, flags);
    case 'file':
      return openFile(context, inode, flags);
  }
}

/** Nothing where the path leaves the tree, or where an absolute one leads to nothing that is there or to be made. */
function placeToOpen(context: SyscallContext, path: string, flags: number, from: number): Place | undefined {
  const follow = has(flags, openFlag.noFollow) ? 'before-slash' : 'always';
  const isOutside = path.startsWith('/') || path.split('/').includes('..');
  try {
    const at =
      from === workingDirectoryFd || path.startsWith('/')
        ? context.place(path, follow)
        : context.placeFrom(context.directory(from), path, follow);
    if (at.inode !== undefined || has(flags, openFlag.create)) return at;
  } catch (thrown) {
    if (!isOutside) throw thrown;
  }
  return isOutside ? undefined : fail('noent');
}

function openDirectory(context: SyscallContext, directory: Directory, flags: number): number {
  if ((flags & openFlag.accessMode) !== 0 || has(flags, openFlag.create)) fail('isdir');
  return context.wasi.descriptors.open(new Descriptor(directory, directoryRights, 0));
}

function openFile(context: SyscallContext, file: File, flags: number): number {
  const { descriptors, powers } = context.wasi;
  if (has(flags, openFlag.directory)) fail('notdir');
  const mode = flags & openFlag.accessMode;
  if (mode !== 0 && has(flags, openFlag.truncate)) {
    file.resize(0);
    file.touch(powers.realtimeNs());
  }
  let rights: number = fileRights;
  if (mode === openFlag.writeOnly) rights &= ~right.fdRead;
  if (mode === 0) rights &= ~(right.fdWrite | right.fdAllocate | right.fdFilestatSetSize);
  const descriptor = new Descriptor(file, rights, 0);
  if (has(flags, openFlag.append)) descriptor.flags = fdFlag.append;
  return descriptors.open(descriptor);
}

function openOutside(context: SyscallContext, path: string, flags: number): number {
  if (Object.hasOwn(devices, path)) return openDevice(context, devices[path]!);
  const isWritten = (flags & openFlag.accessMode) !== 0;
  if (isWritten || !Object.hasOwn(texts, path)) throw new GuestFault('Attempt to open invalid file');
  return openFile(context, context.wasi.tree.detachedFile(utf8.encode(texts[path])), 0);
}

function has(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}
