/**
 * The files of one Faaslet during one call: reads come from the shared tree, writes stay private, file by file and
 * only once there are any. Nothing is made before it is looked at, so a call that touches no file leaves nothing to reset.
 */
import { Device, type DeviceName } from './device.ts';
import { Directory } from './directory.ts';
import { fail } from './errno.ts';
import type { BaseNode, FileTree } from './file-tree.ts';
import { File, type Inode, Link } from './inode.ts';
import { type FileLimits, Quota } from './quota.ts';
import type { Place } from './resolve.ts';
import { type Change, changesOf } from './tree-changes.ts';

export { createFileTree, emptyFileTree, type FileTree } from './file-tree.ts';
export type { FileLimits } from './quota.ts';

/** As `WasiPowers` has them. */
export interface TreePowers {
  realtimeNs(): bigint;
  randomFill(bytes: Uint8Array): void;
}

const utf8 = new TextEncoder();

export class Tree {
  #files: FileTree;
  readonly #limits: FileLimits;
  readonly #powers: TreePowers;
  #quota: Quota;
  #root: Directory | undefined;
  #lastInodeNumber: number;

  constructor(files: FileTree, limits: FileLimits, powers: TreePowers) {
    this.#files = files;
    this.#limits = limits;
    this.#powers = powers;
    this.#quota = new Quota(limits);
    this.#lastInodeNumber = files.lastInodeNumber;
  }

  get root(): Directory {
    if (this.#root === undefined) {
      const { inodeNumber, modifiedNs } = this.#files.root;
      this.#root = new Directory(inodeNumber, modifiedNs, this.#adopt, undefined, this.#files.root);
      this.#root.links = 1;
    }
    return this.#root;
  }

  /** Made where it is missing, while nothing has been moved yet; `` is the root. @throws ErrnoFailure `nospc` */
  directory(path: string): Directory {
    let directory = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      const inode = directory.lookup(name);
      directory = inode === undefined ? this.createDirectory({ directory, name }) : (inode as Directory);
    }
    return directory;
  }

  /** Where a file that shows its shared content, a device or a directory is in the shared tree; nothing when it is not. */
  sharedPlace(inode: File | Device | Directory): { path: string; content: string | undefined } | undefined {
    const pending: [path: string, node: BaseNode][] = [['', this.#files.root]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [path, node] = next;
      if (node.inodeNumber === inode.inodeNumber) {
        if (node.kind === inode.kind && node.kind !== 'file') return { path, content: undefined };
        const isShown = node.kind === 'file' && inode.kind === 'file' && inode.shows(node.content);
        return isShown && node.content.name !== undefined ? { path, content: node.content.name } : undefined;
      }
      if (node.kind !== 'directory') continue;
      for (const [name, inside] of node.entries)
        pending.push([path === '' ? name : `${path}/${name}`, inside]);
    }
    return undefined;
  }

  /** What is at a place of the shared tree, unless it is something else now. */
  sharedInode(path: string, content: string | undefined): File | Device | Directory | undefined {
    let node: BaseNode = this.#files.root;
    let inode: Inode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      const inside: BaseNode | undefined = node.kind === 'directory' ? node.entries.get(name) : undefined;
      if (inside === undefined || inode?.kind !== 'directory') return undefined;
      node = inside;
      inode = inode.lookup(name);
    }
    if (inode?.kind === 'directory' || inode?.kind === 'device')
      return content === undefined ? inode : undefined;
    return inode?.kind === 'file' && node.kind === 'file' && node.content.name === content
      ? inode
      : undefined;
  }

  /** What the call has changed below a directory of the shared tree; `` is the root. */
  changesIn(path: string): Change[] {
    let before: BaseNode | undefined = this.#files.root;
    let now: Inode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      before = before?.kind === 'directory' ? before.entries.get(name) : undefined;
      now = now?.kind === 'directory' ? now.lookup(name) : undefined;
    }
    return changesOf(
      before?.kind === 'directory' ? before : undefined,
      now?.kind === 'directory' ? now : undefined,
    );
  }

  /** From now on over this shared tree. Nothing was looked at since the last reset. */
  show(files: FileTree): void {
    this.#files = files;
    this.#lastInodeNumber = files.lastInodeNumber;
  }

  /** Shows the shared tree alone again. */
  reset(): void {
    if (this.#root === undefined) return;
    this.#root = undefined;
    this.#quota = new Quota(this.#limits);
    this.#lastInodeNumber = this.#files.lastInodeNumber;
  }

  /** One without a name in the tree. */
  detachedDevice(name: DeviceName): Device {
    return new Device(0, this.#nowNs(), name, this.#powers.randomFill);
  }

  /** @throws ErrnoFailure `nospc`, `noent` */
  createFile(at: Place): File {
    return this.#create(at, (inodeNumber, nowNs) => new File(inodeNumber, nowNs, this.#quota));
  }

  /** @throws ErrnoFailure `nospc`, `noent` */
  createDirectory(at: Pick<Place, 'directory' | 'name'>): Directory {
    return this.#create(at, (inodeNumber, nowNs) => new Directory(inodeNumber, nowNs, this.#adopt));
  }

  /** @throws ErrnoFailure `nospc`, `noent` */
  createLink(at: Place, target: string): Link {
    const size = utf8.encode(target).length;
    this.#quota.takeBytes(size);
    try {
      return this.#create(at, (inodeNumber, nowNs) => new Link(inodeNumber, nowNs, target, size));
    } catch (failure) {
      this.#quota.giveBytes(size);
      throw failure;
    }
  }

  /** Gives a file or a symbolic link one more name. @throws ErrnoFailure `nospc`, `noent` */
  link(inode: Exclude<Inode, Directory>, at: Place): void {
    this.#insert(at, inode);
    inode.changedNs = this.#nowNs();
  }

  /** Takes a name away; what has no name and no descriptor any more is gone. */
  unlink(at: Place): void {
    const inode = at.inode!;
    const nowNs = this.#nowNs();
    if (at.directory.remove(at.name)) this.#quota.giveName();
    at.directory.touch(nowNs);
    inode.changedNs = nowNs;
    if (inode.kind === 'file') inode.releaseIfUnused();
    if (inode.kind === 'link' && inode.links === 0 && inode.inodeNumber > this.#files.lastInodeNumber)
      this.#quota.giveBytes(inode.size);
  }

  /** As POSIX `rename`. @throws ErrnoFailure `inval`, `isdir`, `notdir`, `notempty`, `nospc`, `noent` */
  rename(from: Place, to: Place): void {
    const inode = from.inode!;
    const replaced = to.inode;
    if (inode === replaced) return;
    if (inode.kind === 'directory') {
      if (isWithin(to.directory, inode)) fail('inval');
      if (replaced !== undefined && replaced.kind !== 'directory') fail('notdir');
    } else if (replaced?.kind === 'directory') fail('isdir');
    if (replaced?.kind === 'directory' && !replaced.isEmpty) fail('notempty');
    if (to.directory.links === 0) fail('noent');

    const freesName =
      from.directory.made(from.name) || (replaced !== undefined && to.directory.made(to.name));
    if (!freesName && this.#quota.namesLeft === 0) fail('nospc');
    const nowNs = this.#nowNs();
    if (replaced !== undefined) this.unlink(to);
    if (from.directory.remove(from.name)) this.#quota.giveName();
    from.directory.touch(nowNs);
    this.#insert(to, inode);
    inode.changedNs = nowNs;
  }

  #create<T extends Inode>(
    at: Pick<Place, 'directory' | 'name'>,
    make: (inodeNumber: number, nowNs: bigint) => T,
  ): T {
    const inode = make(this.#lastInodeNumber + 1, this.#nowNs());
    this.#insert(at, inode);
    this.#lastInodeNumber += 1;
    return inode;
  }

  #insert(at: Pick<Place, 'directory' | 'name'>, inode: Inode): void {
    this.#quota.takeName();
    try {
      at.directory.insert(at.name, inode);
    } catch (failure) {
      this.#quota.giveName();
      throw failure;
    }
    at.directory.touch(this.#nowNs());
  }

  #nowNs(): bigint {
    return this.#powers.realtimeNs();
  }

  readonly #adopt = (node: BaseNode, parent: Directory): Inode => {
    const { inodeNumber, modifiedNs } = node;
    let inode: Inode;
    if (node.kind === 'file') inode = new File(inodeNumber, modifiedNs, this.#quota, node.content);
    else if (node.kind === 'device')
      inode = new Device(inodeNumber, modifiedNs, node.device, this.#powers.randomFill);
    else if (node.kind === 'link')
      inode = new Link(inodeNumber, modifiedNs, node.target, utf8.encode(node.target).length);
    else inode = new Directory(inodeNumber, modifiedNs, this.#adopt, parent, node);
    inode.links = 1;
    return inode;
  };
}

function isWithin(directory: Directory, ancestor: Directory): boolean {
  for (let at = directory; ; at = at.parent) {
    if (at === ancestor) return true;
    if (at.parent === at) return false;
  }
}
