/** What a host function throws through the guest, to end its call. */

/** The guest gave the host something impossible; to the caller it is a trap. */
export class GuestFault extends Error {
  /** It is about an address outside the memory. */
  readonly isAddress: boolean;

  constructor(message: string, isAddress = false) {
    super(message);
    this.name = 'GuestFault';
    this.isAddress = isAddress;
  }

  static outOfBounds(start: number, byteLength: number, memoryBytes: number): GuestFault {
    return new GuestFault(
      `Out of bounds: ${byteLength} bytes at address ${start} of a memory of ${memoryBytes} bytes`,
      true,
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
