/**
 * How an interpreter is told which script to run. An interpreter is a function of the user, named as here; with any
 * other name the script is its first argument.
 */
import type { CallArguments } from '../../proto/function-settings.ts';

interface Runtime {
  /** @param script its path, from the root */
  start(script: string): CallArguments & { readonly cgi?: true };
}

const scriptFirst: Runtime = { start: (script) => ({ args: [script], env: {} }) };

const runtimes: Readonly<Record<string, Runtime>> = {
  /** Without looking for the packages of a site, which are none. */
  python: { start: (script) => ({ args: ['-S', script], env: {} }) },
  /** As it wants to be told that a web server has called it. */
  php: {
    start: (script) => ({ args: [], env: { SCRIPT_FILENAME: script, REDIRECT_STATUS: '200' }, cgi: true }),
  },
  /** Without gems, which are not in the file system of the function. */
  ruby: { start: (script) => ({ args: ['--disable-gems', script], env: {} }) },
};

export function toRuntime(name: string): Runtime {
  return Object.hasOwn(runtimes, name) ? runtimes[name]! : scriptFirst;
}

const scriptEndings: Readonly<Record<string, string>> = {
  py: 'python',
  php: 'php',
  rb: 'ruby',
  js: 'javascript',
};

/** The name that a runtime for such a script has by custom; nothing where the file is none by its ending. */
export function runtimeOfScript(path: string): string | undefined {
  const ending = /\.([a-z]+)$/.exec(path)?.[1] ?? '';
  return Object.hasOwn(scriptEndings, ending) ? scriptEndings[ending] : undefined;
}
