/** The head of a CGI program's response, as headers of the answer to a call. */
import type { ResponseHead } from '../../proto/call.ts';
import { headers as names } from '../../proto/headers.ts';
import { type BusMessage, type Headers, header } from './port.ts';

export function toResponseHeaders({ status, headers }: ResponseHead): Headers {
  return {
    [names.responseStatus]: [String(status)],
    ...(headers.length > 0 && { [names.responseHeader]: headers }),
  };
}

/** Nothing for the answer of a function that is no CGI program, or did not answer as one. */
export function readResponseHead(message: Pick<BusMessage, 'headers'>): ResponseHead | undefined {
  const status = header(message, names.responseStatus);
  if (status === undefined) return undefined;
  return { status: Number(status), headers: message.headers?.[names.responseHeader] ?? [] };
}
