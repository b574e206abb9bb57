import type { FilesContext } from './context.ts';

/** Its bytes are put in their place, or removed, one after the other. */
export const contentGate = (version: string): string => `content ${version}`;

/** Removes a content that no file has, unless one has it then: calls that began before see it until they end. */
export function retire(context: FilesContext, version: string): void {
  const { index, store, gates, retirements, powers, config, log } = context;
  if (index.contents.has(version)) return;
  const timer = powers.timers.after(config.retiredKeptMs, () => {
    retirements.delete(timer);
    void gates.run(contentGate(version), async () => {
      if (index.contents.has(version)) return;
      await store
        .removeContent(version)
        .catch((err) => log.warn({ err, version }, 'a content could not be removed'));
    });
  });
  timer.unref();
  retirements.add(timer);
}
