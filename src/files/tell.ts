import type { FilePath } from '../../proto/file-path.ts';
import type { UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import { Encodable } from '../bus/port.ts';
import type { FilesContext } from './context.ts';
import { fileChangedCodec, filesOfCodec } from './messages.ts';

/** What this host has changed. */
export function tell(context: FilesContext, user: UserName, path: FilePath): void {
  const { bus, control, config } = context;
  tellInside(context, user);
  bus.tell(control.fileChanged(config.host, user), new Encodable({ path }, fileChangedCodec));
}

/** Functions here see other files of this user from now on. */
export function tellInside({ lists, privateBus }: FilesContext, user: UserName): void {
  lists.delete(user);
  privateBus.tell(privateSubjects.fileChanged(), new Encodable(user, filesOfCodec));
}
