/** The plain way: the entry is called, with zeros for what parameters it has. */
import type { Instance } from '../instance.ts';
import type { Way } from './way.ts';

export function byEntry(instance: Instance): Way {
  const { entry: name, entryParameters } = instance.program.layout;
  const entry = instance.function(name);
  const zeros = new Array<number>(entryParameters).fill(0);
  return { enter: () => entry(...zeros) };
}
