/** The descriptors that are open when a command is booted, saved in a way that another call can open them again. */
import type { WasiContext } from './context.ts';
import { Descriptor, type Stream } from './descriptors.ts';

export interface SavedDescriptor {
  readonly fd: number;
  readonly on:
    | Stream
    /** The number of a preopen. */
    | { readonly preopen: number }
    /** In the shared tree; `content` is nothing for a directory. */
    | { readonly path: string; readonly content: string | undefined };
  readonly rightsBase: number;
  readonly rightsInheriting: number;
  readonly flags: number;
  readonly offset: number;
}

/**
 * Nothing where those are open that every call begins with.
 * @throws TypeError for one that is open on what is not in the shared tree
 */
export function saveDescriptors(context: WasiContext): readonly SavedDescriptor[] | undefined {
  const { descriptors } = context;
  const saved = descriptors.entries().map(([fd, descriptor]): SavedDescriptor => {
    const { rightsBase, rightsInheriting, flags, offset } = descriptor;
    return { fd, on: toPlace(context, fd, descriptor), rightsBase, rightsInheriting, flags, offset };
  });
  const isPlain =
    saved.length === 3 + descriptors.preopens.length &&
    saved.every(
      ({ fd, on, flags }) => flags === 0 && (fd < 3 || (typeof on === 'object' && 'preopen' in on)),
    );
  return isPlain ? undefined : saved;
}

/** @returns the path of a file that is not what it was, and nothing when all is well */
export function restoreDescriptors(
  context: WasiContext,
  saved: readonly SavedDescriptor[],
): string | undefined {
  const open = new Map<number, Descriptor>();
  for (const { fd, on, rightsBase, rightsInheriting, flags, offset } of saved) {
    let descriptor: Descriptor;
    if (typeof on === 'string') descriptor = new Descriptor(on, rightsBase, rightsInheriting);
    else if ('preopen' in on) {
      const preopen = context.descriptors.preopens[on.preopen];
      descriptor = new Descriptor('preopen', rightsBase, rightsInheriting, preopen);
    } else {
      const inode = context.tree.sharedInode(on.path, on.content);
      if (inode === undefined) return on.path;
      descriptor = new Descriptor(inode, rightsBase, rightsInheriting);
    }
    descriptor.flags = flags;
    descriptor.offset = offset;
    open.set(fd, descriptor);
  }
  context.descriptors.replace(open);
  return undefined;
}

function toPlace(context: WasiContext, fd: number, descriptor: Descriptor): SavedDescriptor['on'] {
  const { target, preopen } = descriptor;
  if (preopen !== undefined) return { preopen: context.descriptors.preopens.indexOf(preopen) };
  if (target === 'preopen') throw new TypeError('a preopen that has no name');
  if (typeof target === 'string') return target;
  const place = context.tree.sharedPlace(target);
  if (place !== undefined) return place;
  throw new TypeError(`descriptor ${fd} is open on a file of its own`);
}
