/** What a call has changed of the shared tree: enough to do the same to another copy of it. */
import type { Directory } from './directory.ts';
import type { BaseDirectory, BaseNode } from './file-tree.ts';
import type { Inode } from './inode.ts';

/** @property path from the directory that was compared, without a slash before it */
export type Change =
  | { readonly kind: 'removed'; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/**
 * In the order to make them: what is removed, a directory after what was in it; then what is there instead or as well,
 * a directory before what is in it.
 * @param now nothing where the directory is no more
 */
export function changesOf(before: BaseDirectory | undefined, now: Directory | undefined): Change[] {
  const removed: Change[] = [];
  const made: Change[] = [];
  const pending = [{ before, now, path: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const prefix = next.path === '' ? '' : `${next.path}/`;
    for (const [name, node] of next.before?.entries ?? []) {
      const path = `${prefix}${name}`;
      const inode = next.now?.lookup(name);
      if (inode?.kind === node.kind) continue;
      removed.push({ kind: 'removed', path });
      if (node.kind === 'directory') pending.push({ before: node, now: undefined, path });
    }
    for (const name of next.now?.names() ?? []) {
      const path = `${prefix}${name}`;
      const inode = next.now!.lookup(name)!;
      const node = next.before?.entries.get(name);
      const same = node?.kind === inode.kind ? node : undefined;
      if (inode.kind === 'directory') {
        if (same === undefined) made.push({ kind: 'directory', path });
        pending.push({ before: same as BaseDirectory | undefined, now: inode, path });
      } else if (inode.kind !== 'device' && !isSame(same, inode)) {
        if (inode.kind === 'file') made.push({ kind: 'file', path, bytes: inode.content() });
        else made.push({ kind: 'link', path, target: inode.target });
      }
    }
  }
  return [...removed.reverse(), ...made];
}

function isSame(node: BaseNode | undefined, inode: Inode): boolean {
  if (node?.kind === 'file' && inode.kind === 'file') return inode.shows(node.content);
  return node?.kind === 'link' && inode.kind === 'link' && node.target === inode.target;
}
