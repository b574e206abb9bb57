/** What a CGI program answers (RFC 3875): its output is a response, whose status and headers are taken off. */
import type { ResponseHead } from '../../../proto/call.ts';
import { FaasmError } from '../../../proto/errors.ts';
import { responseHeadersMax, responseHeadMaxBytes } from '../../calls/limits.ts';

export interface CgiResponse {
  readonly body: Uint8Array;
  /** Nothing where the output does not begin with headers, and is all body. */
  readonly head: ResponseHead | undefined;
}

const lineFeed = 10;
const carriageReturn = 13;
/** Without control characters; each byte is a character. */
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const statusValue = /^[2-5]\d\d(?= |$)/;

/** @throws FaasmError `too_large` for more headers than a response may have */
export function toResponse(output: Uint8Array): CgiResponse {
  const noResponse: CgiResponse = { body: output, head: undefined };
  const window = output.subarray(0, responseHeadMaxBytes);
  const headers: string[] = [];
  let status: string | undefined;
  for (let start = 0; ; ) {
    const at = window.indexOf(lineFeed, start);
    if (at < 0 && window.length < output.length && /^[\w-]+:/.test(toLatin1(window.subarray(start)))) {
      throw new FaasmError(
        'too_large',
        `The headers of its response have more than ${responseHeadMaxBytes} bytes`,
      );
    }
    if (at < 0) return noResponse;
    const line = toLatin1(window.subarray(start, window[at - 1] === carriageReturn ? at - 1 : at));
    if (line === '' && start > 0) return { body: output.subarray(at + 1), head: toHead(status, headers) };
    const [, name, value = ''] = headerLine.exec(line) ?? [];
    if (name === undefined) return noResponse;
    if (name.toLowerCase() !== 'status') headers.push(`${name}: ${value}`);
    else if ((status = statusValue.exec(value)?.[0]) === undefined) return noResponse;
    if (headers.length > responseHeadersMax) {
      throw new FaasmError('too_large', `Its response has more than ${responseHeadersMax} headers`);
    }
    start = at + 1;
  }
}

/** Where it does not say, the status is that of what it has: a place to go to, or a document. */
function toHead(status: string | undefined, headers: readonly string[]): ResponseHead {
  const usual = headers.some((line) => /^location:/i.test(line)) ? 302 : 200;
  return { status: status === undefined ? usual : Number(status), headers };
}

function toLatin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
