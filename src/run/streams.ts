/** The streams of this process, as a program that is run here has them: what it writes is out when it goes on. */
export interface GuestStreams {
  /** Waits for input and fills as much as there is; 0 at the end. */
  readInput(into: Uint8Array): number;
  /** All of it; false when nobody reads any more. */
  writeOutput(bytes: Uint8Array): boolean;
  /** As `writeOutput`. */
  writeError(bytes: Uint8Array): boolean;
}
