/** `path_open`. */
import type { WasiContext, WasiFunctions } from './context.ts';
import { Descriptor } from './descriptors.ts';
import type { Directory } from './directory.ts';
import { errno, fail } from './errno.ts';
import { fdFlagsKnown } from './fd.ts';
import type { File } from './inode.ts';
import { fdFlag, knownFlags, openFlag, place, writeU32 } from './layout.ts';
import { toFollow } from './path.ts';
import { type Place, readPath, resolve } from './resolve.ts';
import { directoryRights, fileRights, right, toRights } from './rights.ts';

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
    const at = resolve(start, readPath(context.memory, path, pathBytes), excludes ? 'never' : follow);
    context.descriptors.checkRoom();
    const inode =
      at.inode === undefined ? create(context, at, openFlags) : open(context, at, openFlags, rightsBase);
    const descriptor =
      inode.kind === 'directory'
        ? new Descriptor(inode, rightsBase & directoryRights, rightsInheriting)
        : new Descriptor(inode, rightsBase & fileRights, 0);
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

function open(context: WasiContext, at: Place, openFlags: number, rightsBase: number): File | Directory {
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
  if (has(openFlags, openFlag.truncate)) {
    inode.resize(0);
    inode.touch(context.powers.realtimeNs());
  }
  return inode;
}

function has(flags: number, wanted: number): boolean {
  return (flags & wanted) === wanted;
}
