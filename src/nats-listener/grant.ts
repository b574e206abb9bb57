/** Who a client says it is, and what it may do. */

/** Empty where the client gave nothing. */
export interface Credentials {
  readonly token: string;
  readonly user: string;
  readonly password: string;
}

/** What has no function here is allowed. */
export interface Grant {
  /** @param reply where an answer would be published in the name of whoever answers */
  readonly publish?: (subject: string, reply: string | undefined) => boolean;
  /** Asked with the pattern. */
  readonly subscribe?: (pattern: string) => boolean;
}

/** Nothing in return refuses the client. */
export type Authorize = (credentials: Credentials) => Grant | undefined;
