import type { IncomingMessage } from 'node:http';

const pattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** The W3C trace context of a request, where it is one. */
export function traceparentOf({ headers }: IncomingMessage): string | undefined {
  const { traceparent } = headers;
  return typeof traceparent === 'string' && pattern.test(traceparent) ? traceparent : undefined;
}
