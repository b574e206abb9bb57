import { type FunctionSettings, noSettings, toFunctionSettings } from '../../proto/function-settings.ts';
import { sha256 } from './sha256.ts';

/**
 * A version is a module and its settings, so that whatever depends on both is told apart by the version: Faaslets,
 * Proto-Faaslets, ETags. Without settings it is the module's own sha256.
 */
export function versionOf(module: string, settings: FunctionSettings): string {
  // As it is parsed, so that the fields are in one order.
  const json = JSON.stringify(toFunctionSettings(settings));
  return json === JSON.stringify(toFunctionSettings(noSettings)) ? module : sha256(`${module} ${json}`);
}
