/** A command that is booted once (boot.ts): it runs at upload until its first read, and each call goes on from there. */
import { FaasmError } from '../../../proto/errors.ts';
import { GuestExit } from '../../guest/guest-fault.ts';
import { toThrown } from '../../guest/uncatchable.ts';
import { wasi, wasiUnstable } from '../../guest/wasi/capability.ts';
import { BootInput, BootStackFound, refused, resume, toResumedInput } from '../boot.ts';
import type { Instance } from '../instance.ts';
import type { BootState } from '../program.ts';
import type { Way } from './way.ts';

const wasiModules: readonly string[] = [wasi.module, wasiUnstable.module];

/** At upload. */
export function toBoot(instance: Instance, way: Way): Way {
  const { module, imports, layout, settings } = instance.program;
  return {
    ...way,
    async boot(call, begin) {
      const { exports, linearMemory } = instance;
      if (linearMemory === undefined || !layout.restorable) throw refused('it cannot be put back');
      if (settings.cgi) throw refused('a CGI program learns of its request before it reads it');
      const other = imports.find((wanted) => !wasiModules.includes(wanted.module));
      if (other !== undefined)
        throw refused(`it is no mere WASI command, but imports ${other.module}.${other.name}`);
      const input = new BootInput(module, exports, linearMemory);
      begin((found) => ({ ...found, stdin: input }));
      try {
        await way.enter(call);
      } catch (caught) {
        const thrown = toThrown(caught);
        if (thrown instanceof BootStackFound) return { stack: thrown.stack };
        if (thrown instanceof GuestExit)
          throw refused(`it exited with ${thrown.code} before it read its input`);
        throw thrown;
      }
      const pointer = input.unwound();
      try {
        const descriptors = instance.wasi.saveDescriptors();
        return { boot: { pointer, output: instance.call.output.bytes(), descriptors } };
      } catch (cause) {
        throw cause instanceof TypeError ? refused(cause.message, cause) : cause;
      }
    },
  };
}

/** In a call. */
export function toResumed(instance: Instance, { pointer, output, descriptors }: BootState, way: Way): Way {
  return {
    ...way,
    begin: (call, found) => ({ ...found, stdin: toResumedInput(instance.exports, call.input) }),
    enter(call) {
      const changed = descriptors && instance.wasi.restoreDescriptors(descriptors);
      if (changed !== undefined) {
        const text = `It was booted with /${changed}, which has changed since; deploy it again`;
        throw new FaasmError('conflict', text);
      }
      if (output.length > 0) instance.wasi.context.call.stdout(output);
      resume(instance.exports, pointer);
      return way.enter(call);
    },
  };
}
