/** Opening files. */
import { GuestFault } from '../guest-fault.ts';
import { Descriptor } from '../wasi/descriptors.ts';
import type { Device } from '../wasi/device.ts';
import type { Directory } from '../wasi/directory.ts';
import { fail } from '../wasi/errno.ts';
import type { File } from '../wasi/inode.ts';
import { fdFlag } from '../wasi/layout.ts';
import { openDevice } from '../wasi/path-open.ts';
import type { Place } from '../wasi/resolve.ts';
import { deviceRights, directoryRights, fileRights, readOnlyRights, right } from '../wasi/rights.ts';
import type { SyscallContext, SystemCalls } from './context.ts';
import { openFlag } from './layout.ts';

const workingDirectoryFd = -100;

/** Of the system: the original shows no function who else is there. */
const withheld: ReadonlySet<string> = new Set(['system:passwd', 'system:group']);

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
  if (at === undefined) throw invalidFile();
  if (at.inode !== undefined && has(flags, openFlag.create | openFlag.exclusive)) fail('exist');
  const inode = at.inode ?? wasi.tree.createFile(at);
  switch (inode.kind) {
    case 'link':
      return fail('loop');
    case 'directory':
      return openDirectory(context, inode, flags);
    case 'device':
      return openDeviceAt(context, inode, flags);
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
  const { isReadOnly = false, name = '' } = file.shared ?? {};
  if ((isReadOnly && mode !== 0) || withheld.has(name)) throw invalidFile();
  if (mode !== 0 && has(flags, openFlag.truncate)) {
    file.resize(0);
    file.touch(powers.realtimeNs());
  }
  const descriptor = new Descriptor(file, toRights(mode, fileRights), 0);
  if (has(flags, openFlag.append)) descriptor.flags = fdFlag.append;
  return descriptors.open(descriptor);
}

function openDeviceAt(context: SyscallContext, device: Device, flags: number): number {
  if (has(flags, openFlag.directory)) fail('notdir');
  return context.wasi.descriptors.open(
    openDevice(device, toRights(flags & openFlag.accessMode, deviceRights)),
  );
}

function toRights(mode: number, rights: number): number {
  if (mode === openFlag.writeOnly) return rights & ~right.fdRead;
  return mode === 0 ? rights & readOnlyRights : rights;
}

/** In the words of the original. */
function invalidFile(): GuestFault {
  return new GuestFault('Attempt to open invalid file');
}

function has(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}
