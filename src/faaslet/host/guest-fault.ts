/** What a host function throws through the guest, to end its call. */

/** The guest gave the host something impossible; to the caller it is a trap. */
export class GuestFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GuestFault';
  }

  static outOfBounds(start: number, byteLength: number, memoryBytes: number): GuestFault {
    return new GuestFault(
      `Out of bounds: ${byteLength} bytes at address ${start} of a memory of ${memoryBytes} bytes`,
    );
  }
}

/** The guest ended itself, as by `proc_exit`. */
export class GuestExit {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}
