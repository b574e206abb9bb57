import type { FileDescription } from '../../proto/messages.ts';
import type { Condition } from '../bus/resource-headers.ts';
import type { FilesContext, Upload } from './context.ts';
import { arrive, fileAt, put, refusePut, settle } from './decide.ts';
import { contentGate, retire } from './retire.ts';
import { tell } from './tell.ts';

/** What has come takes its place. @throws FaasmError why it may not, `storage_unavailable` */
export async function commit(
  context: FilesContext,
  { draft, user, path, sizeBytes }: Pick<Upload, 'draft' | 'user' | 'path' | 'sizeBytes'>,
  condition: Condition,
): Promise<FileDescription> {
  const { index, store, gates, powers, config } = context;
  const version = await draft.finish();
  return await gates.run(user, async () => {
    const refused = refusePut(index, user, path, sizeBytes, condition, config.limits);
    if (refused !== undefined) throw refused;
    const there = fileAt(index, user, path);
    if (there?.version === version) {
      await draft.abandon();
      return there;
    }
    const file = { path, sizeBytes, version, modifiedAtMs: powers.clock.wallMs() };
    arrive(index, version);
    try {
      await gates.run(contentGate(version), () => draft.keep());
      await store.writeEntry({ user, ...file });
      const before = put(index, user, file);
      tell(context, user, path);
      if (before !== undefined) retire(context, before.version);
    } finally {
      settle(index, version);
      retire(context, version);
    }
    return file;
  });
}
