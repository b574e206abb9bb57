/** How a guest waits for its host: its call is suspended, and its executor is free for others meanwhile. */
import type { ImportFunctions } from '../guest/port.ts';

/** How a Faaslet tells that its guest waits, and asks to go on. */
export interface Suspension {
  /** The guest waits. */
  left(): void;
  /** What it waited for is there: `go` lets it go on. */
  back(go: () => void): void;
}

/** The host functions that wait, of one Faaslet. */
export class WaitingFunctions {
  #suspension: Suspension = { left() {}, back: (go) => go() };
  #abandoned = false;

  begin(suspension: Suspension): void {
    this.#suspension = suspension;
  }

  /** The call will never go on, whatever it waits for. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** A host function that tells of its waiting, and never comes back to a call that was abandoned. */
  toImport(host: ImportFunctions[string]): WebAssembly.ImportValue {
    return new WebAssembly.Suspending((...parameters: unknown[]) => {
      const value: unknown = host(...parameters);
      if (!(value instanceof Promise)) return value;
      const suspension = this.#suspension;
      suspension.left();
      return new Promise((resolve, reject) => {
        const back = (go: () => void) => {
          if (!this.#abandoned) suspension.back(go);
        };
        value.then(
          (result) => back(() => goOn(resolve, reject, result)),
          (error) => back(() => reject(error)),
        );
      });
    }) as unknown as WebAssembly.ImportValue;
  }
}

/** With what is given, or with what the given function makes inside the guest. */
function goOn(resolve: (result: unknown) => void, reject: (error: unknown) => void, result: unknown): void {
  try {
    resolve(typeof result === 'function' ? result() : result);
  } catch (thrown) {
    reject(thrown);
  }
}
