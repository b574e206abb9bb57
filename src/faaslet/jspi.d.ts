/** JavaScript Promise Integration, which the compiler's own WebAssembly types do not have yet. */
declare namespace WebAssembly {
  /** An export that gives a promise and may be suspended. */
  // biome-ignore lint/suspicious/noExplicitAny: an export takes and gives any wasm values
  function promising(entry: (...parameters: any[]) => unknown): (...parameters: any[]) => Promise<unknown>;

  /** An import that suspends its caller while the promise it gives is pending. */
  class Suspending {
    // biome-ignore lint/suspicious/noExplicitAny: an import takes and gives any wasm values
    constructor(host: (...parameters: any[]) => unknown);
  }
}
