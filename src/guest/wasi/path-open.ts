/** `path_open`. */
import type { WasiContext, WasiFunctions } from './context.ts';
import { Descriptor } from './descriptors.ts';
import type { Device } from './device.ts';
import type { Directory } from './directory.ts';
import { errno, fail } from './errno.ts';
import { fdFlagsKnown } from './fd.ts';
import type { File } from './inode.ts';
import { fdFlag, knownFlags, openFlag, place, writeU32 } from './layout.ts';
import { resolveHere, toFollow } from './path.ts';
import { type Place, readPath } from './resolve.ts';
import {
  deviceRights,
  directoryRights,
  fileRights,
  inputRights,
  outputRights,
  readOnlyRights,
  right,
  toRights,
} from './rights.ts';

export const pathOpenFunctions = {
  path_open: (
    context,
    fd: number,
    lookupFlags: number,
    path: number,
    pathBytes: number,
    openFlags: number,
    base: bigint,
    inheriting: bigint,
    flags: number,
    out: number,
  ) => {
    place(context.memory, out, 4);
    const follow = toFollow(lookupFlags);
    knownFlags(openFlags, openFlag.create | openFlag.directory | openFlag.exclusive | openFlag.truncate);
    knownFlags(flags, fdFlagsKnown);

    const start = context.directory(fd, neededRights(openFlags));
    const rightsBase = toRights(base);
    const rightsInheriting = toRights(inheriting);
    const asked = rightsBase | rightsInheriting | impliedRights(flags);
    if ((asked & ~context.descriptors.get(fd).rightsInheriting) !== 0) fail('notcapable');

    const excludes = has(openFlags, openFlag.create | openFlag.exclusive);
    const to = readPath(context.memory, path, pathBytes);
    const at = resolveHere(context, fd, start, to, excludes ? 'never' : follow);
    context.descriptors.checkRoom();
    const inode =
      at.inode === undefined ? create(context, at, openFlags) : open(context, at, openFlags, rightsBase);
    const descriptor = toDescriptor(inode, rightsBase, rightsInheriting);
    descriptor.flags = flags;
    writeU32(context.memory, out, context.descriptors.open(descriptor));
    return errno.success;
  },
} satisfies WasiFunctions;

/** What the directory's own descriptor must be allowed. */
function neededRights(openFlags: number): number {
  let rights = right.pathOpen;
  if (has(openFlags, openFlag.create)) rights |= right.pathCreateFile;
  if (has(openFlags, openFlag.truncate)) rights |= right.pathFilestatSetSize;
  return rights;
}

/** Flags that make every write a sync need the right to sync. */
function impliedRights(flags: number): number {
  let rights = 0;
  if (has(flags, fdFlag.dsync)) rights |= right.fdDatasync;
  if ((flags & (fdFlag.rsync | fdFlag.sync)) !== 0) rights |= right.fdSync;
  return rights;
}

function create(context: WasiContext, at: Place, openFlags: number): File {
  if (!has(openFlags, openFlag.create)) fail('noent');
  if (has(openFlags, openFlag.directory)) fail('inval');
  if (at.slash) fail('isdir');
  return context.tree.createFile(at);
}

function toDescriptor(
  inode: File | Device | Directory,
  rightsBase: number,
  rightsInheriting: number,
): Descriptor {
  if (inode.kind === 'directory')
    return new Descriptor(inode, rightsBase & directoryRights, rightsInheriting);
  if (inode.kind === 'device') return openDevice(inode, rightsBase);
  return new Descriptor(inode, rightsBase & (inode.shared?.isReadOnly ? readOnlyRights : fileRights), 0);
}

/** The stream itself, where that is what has the name. */
export function openDevice(device: Device, rights: number): Descriptor {
  const { stream } = device;
  if (stream === undefined) return new Descriptor(device, rights & deviceRights, 0);
  return new Descriptor(stream, rights & (stream === 'stdin' ? inputRights : outputRights), 0);
}

function open(
  context: WasiContext,
  at: Place,
  openFlags: number,
  rightsBase: number,
): File | Device | Directory {
  const inode = at.inode!;
  if (has(openFlags, openFlag.create | openFlag.exclusive)) fail('exist');
  const onlyDirectory = at.slash || has(openFlags, openFlag.directory);
  if (inode.kind === 'link') fail(onlyDirectory ? 'notdir' : 'loop');
  if (inode.kind === 'directory') {
    if ((openFlags & (openFlag.create | openFlag.truncate)) !== 0) fail('isdir');
    if ((rightsBase & right.fdWrite) !== 0) fail('isdir');
    return inode;
  }
  if (onlyDirectory) fail('notdir');
  if (inode.kind === 'device') return inode;
  if (inode.shared?.isReadOnly && ((rightsBase & right.fdWrite) !== 0 || has(openFlags, openFlag.truncate)))
    fail('acces');
  if (has(openFlags, openFlag.truncate)) {
    inode.resize(0);
    inode.touch(context.powers.realtimeNs());
  }
  return inode;
}

function has(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}
