/** A call as a CGI program learns of it: the meta-variables of RFC 3875, section 4.1; its input is the body. */
import type { RequestHead } from '../../../proto/call.ts';
import type { FunctionName, UserName } from '../../../proto/names.ts';

type Variables = Readonly<Record<string, string>>;

export interface CgiCall {
  readonly user: UserName;
  readonly name: FunctionName;
  /** Nothing where the call came as none. */
  readonly request: RequestHead | undefined;
  readonly inputBytes: number;
  /** What the caller adds to the environment; of a request, only what it does not say itself. */
  readonly given: Variables;
  /** The function's own environment, which counts before all else. */
  readonly own: Variables;
}

export function toCgiEnvironment({ user, name, request, inputBytes, given, own }: CgiCall): Variables {
  // Many programs take this variable for the proxy that their own requests go through (CVE-2016-5385).
  const { HTTP_PROXY: _, ...more } = given;
  const usual = usualVariables(user, name);
  const all =
    request === undefined
      ? { ...usual, ...more, ...own }
      : { ...more, ...usual, ...requestVariables(usual.SCRIPT_NAME, request), ...own };
  const isBare = inputBytes === 0 && (all.REQUEST_METHOD === 'GET' || all.REQUEST_METHOD === 'HEAD');
  return isBare ? all : { ...all, CONTENT_LENGTH: String(inputBytes) };
}

function usualVariables(user: UserName, name: FunctionName) {
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    QUERY_STRING: '',
    REMOTE_ADDR: '',
    REQUEST_METHOD: 'POST',
    SCRIPT_NAME: `/f/${user}/${name}`,
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_SOFTWARE: 'faasm',
  };
}

function requestVariables(scriptName: string, request: RequestHead): Variables {
  const { method, target, protocol, address, port } = request;
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const { 'content-type': type, host, ...others } = joined(request.headers);
  const below = belowFunction(path);
  return {
    QUERY_STRING: question < 0 ? '' : target.slice(question + 1),
    REMOTE_ADDR: address,
    REMOTE_HOST: address,
    REQUEST_METHOD: method,
    REQUEST_URI: target,
    SCRIPT_NAME: scriptName,
    SERVER_NAME: host?.replace(/:\d*$/, '') ?? 'localhost',
    SERVER_PORT: String(port),
    SERVER_PROTOCOL: protocol,
    ...(below !== '' && { PATH_INFO: decoded(below) }),
    ...(type !== undefined && { CONTENT_TYPE: type }),
    ...(host !== undefined && { HTTP_HOST: host }),
    ...Object.fromEntries(
      Object.entries(others).map(([name, value]) => [
        `HTTP_${name.toUpperCase().replaceAll('-', '_')}`,
        value,
      ]),
    ),
  };
}

/**
 * Of the connection, in a variable of its own, or for the host to see (section 4.1.18); and `Proxy`, whose variable is
 * taken for something else.
 */
const notTold =
  /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-encoding|authorization|proxy.*)$/;

/** By lower-case name; a name with an underscore would pass for the one with a dash, and is left out. */
function joined(headers: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const each of headers) {
    const colon = each.indexOf(':');
    const name = each.slice(0, colon).toLowerCase();
    if (name.includes('_') || notTold.test(name)) continue;
    const value = toText(each.slice(colon + 2));
    const before = found[name];
    found[name] = before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return found;
}

/** What of `/f/<user>/<function>/some/path` is behind the function. */
function belowFunction(path: string): string {
  let at = 0;
  for (let count = 0; count < 3 && at >= 0; count++) at = path.indexOf('/', at + 1);
  return at < 0 ? '' : path.slice(at);
}

/** As it stands where it has escapes that are none, or a NUL. */
function decoded(path: string): string {
  try {
    const text = decodeURIComponent(path);
    return text.includes('\0') ? path : text;
  } catch {
    return path;
  }
}

/** A header has a character for each byte, and people send UTF-8. */
function toText(value: string): string {
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? value : text;
}
