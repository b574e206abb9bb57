import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { refused } from '../faaslet/boot.ts';
import { programKey } from '../faaslet/program.ts';
import type { FunctionsContext } from './context.ts';
import { initialize } from './initialize.ts';
import { versionOf } from './version.ts';

/** The module rewritten so that it can stop where it first reads its input. @throws FaasmError `bad_module` */
export async function toBootable(
  context: FunctionsContext,
  user: UserName,
  name: FunctionName,
  settings: FunctionSettings,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const { modules, asyncify, config, log } = context;
  const { sha256, prepared } = await modules.prepare(user, bytes);
  const { module, imports, layout } = prepared;
  const version = versionOf(sha256, settings);
  const key = programKey(user, name, version);
  const program = { key, version, user, function: name, settings, module, imports, layout, proto: undefined };
  const left = await initialize(context, program);
  if (left?.stack === undefined)
    throw refused(`it took more than ${config.initializeTimeoutMs} ms to read its input`);
  const rewritten = await asyncify.rewrite({ bytes, functions: left.stack });
  log.debug(
    { function: `${user}/${name}`, functions: left.stack.length, sizeBytes: rewritten.length },
    'module rewritten to be booted once',
  );
  return rewritten;
}
