/** Calls into the libraries of the operating system. */
import { createRequire } from 'node:module';
import type koffi from 'koffi';

/**
 * koffi's own entry finds out the platform by reading Node's executable, which takes two thirds of its load time in
 * every thread; its native part is asked for by name first.
 */
export function loadKoffi(): typeof koffi {
  const require = createRequire(import.meta.url);
  const { platform, arch } = process;
  try {
    const besideKoffi = createRequire(require.resolve('koffi'));
    return besideKoffi(`@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`) as typeof koffi;
  } catch {
    return require('koffi') as typeof koffi;
  }
}
