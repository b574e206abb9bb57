/** What a NATS client says, one operation a line of the protocol. */

export type Operation =
  | { readonly op: 'connect'; readonly json: string }
  | { readonly op: 'ping' }
  | { readonly op: 'pong' }
  | {
      readonly op: 'pub';
      readonly subject: string;
      readonly reply: string | undefined;
      /** The header block of an HPUB as it came; nothing for a PUB, or when it is empty. */
      readonly headers: Uint8Array | undefined;
      readonly body: Uint8Array;
    }
  | {
      readonly op: 'sub';
      readonly subject: string;
      readonly queue: string | undefined;
      readonly sid: string;
    }
  /** `max`: deliveries in all, after which it ends; 0 ends it now. */
  | { readonly op: 'unsub'; readonly sid: string; readonly max: number }
  /** The client broke the protocol and is cut off; nothing comes after it. Without a text it is told nothing. */
  | { readonly op: 'violation'; readonly text: string | undefined };

/** How an operation goes on after its name: with a space and arguments, at once with arguments, with what is skipped. */
export const operationNames = {
  PUB: 'spaced',
  HPUB: 'spaced',
  SUB: 'spaced',
  UNSUB: 'spaced',
  INFO: 'spaced',
  '-ERR': 'spaced',
  CONNECT: 'free',
  PING: 'ignored',
  PONG: 'ignored',
  '+OK': 'ignored',
} as const;

export type OperationName = keyof typeof operationNames;

export const unknownOperation = 'Unknown Protocol Operation';
export const authorizationViolation = 'Authorization Violation';
export const payloadViolation = 'Maximum Payload Violation';
export const controlLineExceeded = 'maximum control line exceeded';
export const subscriptionsExceeded = 'maximum subscriptions exceeded';
