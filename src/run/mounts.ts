/** Which folders of the disk a program that is run here sees, and where. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

export interface Mount {
  /** A folder of the disk. */
  readonly folder: string;
  /** Where it is in the program's file system, from its root and without a slash before it; `` is the root. */
  readonly at: string;
  /** What the program changes in it is changed on the disk, once the program has ended. */
  readonly writable: boolean;
}

/** @param text `folder` or `folder::/where/it/is` @throws FaasmError `bad_request` */
export function toMount(text: string, writable: boolean): Mount {
  const parts = text.indexOf('::');
  const [folder, guest] = parts < 0 ? [text, text] : [text.slice(0, parts), text.slice(parts + 2)];
  const names = guest.split('/').filter((name) => name !== '' && name !== '.');
  if (folder === '' || guest === '' || /\0/.test(text) || names.includes('..')) {
    throw bad(
      `A folder is given as ./folder::/guest, where the guest's path has no .., and not as ${quote(text)}`,
    );
  }
  return { folder, at: names.join('/'), writable };
}

/** Changes are written back to one folder each. @throws FaasmError `bad_request` */
export function checkMounts(mounts: readonly Mount[]): void {
  for (const mount of mounts) {
    for (const other of mounts) {
      if (mount === other) continue;
      if (mount.at === other.at) throw bad(`Two folders are given for /${mount.at}`);
      if (mount.writable && (mount.at === '' || other.at.startsWith(`${mount.at}/`))) {
        throw bad(`/${other.at} is in /${mount.at}, whose changes are written back: give it another place`);
      }
    }
  }
}

function bad(message: string): FaasmError {
  return new FaasmError('bad_request', message);
}
