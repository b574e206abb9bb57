/**
 * A call as a CGI program gets it (RFC 3875): the input is the body of a request, the output a response whose headers
 * are taken off.
 */
import type { FunctionName, UserName } from '../../../proto/names.ts';

/** What every request has; a call or the settings of the function may say otherwise. */
export function toRequestVariables(user: UserName, name: FunctionName): Record<string, string> {
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    QUERY_STRING: '',
    REQUEST_METHOD: 'POST',
    SCRIPT_NAME: `/f/${user}/${name}`,
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_SOFTWARE: 'faasm',
  };
}

const headersMaxBytes = 64 * 1024;
const lineFeed = 10;
const carriageReturn = 13;
const headerLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/;

/** The body of a response; all of an output that does not begin with headers. */
export function toResponseBody(output: Uint8Array): Uint8Array {
  let start = 0;
  for (let at = 0; at < Math.min(output.length, headersMaxBytes); at++) {
    if (output[at] !== lineFeed) continue;
    const end = at > start && output[at - 1] === carriageReturn ? at - 1 : at;
    if (end === start) return start === 0 ? output : output.subarray(at + 1);
    if (!headerLine.test(Buffer.from(output.subarray(start, end)).toString('latin1'))) return output;
    start = at + 1;
  }
  return output;
}
