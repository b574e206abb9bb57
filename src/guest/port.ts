/**
 * A guest interface: a set of imports that the host provides, such as WASI preview 1.
 * Its table is known without an instance, so that an upload can be checked against it.
 */

/** A wasm function type in short: `i` i32, `I` i64, `f` f32, `F` f64, parameters and results parted by `:`; `ii:i`. */
export type Signature = string;

export interface ImportSpec {
  readonly signature: Signature;
  /** It may return a promise: the Faaslet is then suspended, and its entry has to be suspendable. */
  readonly waits: boolean;
}

/** Import name to what it is, for one import module name such as `wasi_snapshot_preview1`. */
export type ImportTable = Readonly<Record<string, ImportSpec>>;

/**
 * The functions themselves, for one Faaslet. What a promise gives may be a function, which gives the result: it is called
 * when the guest may go on, and may call into the guest itself, as for memory of its `malloc`.
 */
// biome-ignore lint/suspicious/noExplicitAny: their parameters are what the signature says
export type ImportFunctions = Record<string, (...args: any[]) => any>;
