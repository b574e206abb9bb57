/** What a request asks for, from its method and target alone. Both ports serve every route. */
import { FaasmError } from '../../proto/errors.ts';
import { type FilePath, toFilePath } from '../../proto/file-path.ts';
import {
  type CallId,
  type FunctionName,
  quote,
  type StateKey,
  toCallId,
  toFunctionName,
  toStateKey,
  toUserName,
  type UserName,
} from '../../proto/names.ts';
import { decodeKey, decodeName, decodePathName, type Segments, toTarget } from './target.ts';

export interface FunctionRoute {
  readonly kind: 'invoke' | 'async' | 'upload' | 'describe' | 'remove';
  readonly user: UserName;
  readonly function: FunctionName;
}

/** Of a CGI program, if the function is one; else of whatever the path means for other functions. */
export interface ProgramRoute {
  readonly kind: 'program';
  readonly user: UserName;
  readonly function: FunctionName;
  readonly otherwise: Route;
}

/** `OPTIONS`: what the path takes, and of which function it is. */
export interface OptionsRoute {
  readonly kind: 'options';
  readonly allow: string;
  readonly of?: Pick<FunctionRoute, 'user' | 'function'>;
}

export interface CallRoute {
  readonly kind: 'status' | 'output' | 'cancel';
  readonly id: CallId;
}

export interface StateRoute {
  readonly kind: 'read-state' | 'write-state' | 'append-state' | 'delete-state';
  readonly user: UserName;
  readonly key: StateKey;
}

export interface UserRoute {
  readonly kind: 'list-functions' | 'list-state';
  readonly user: UserName;
}

export interface FileRoute {
  readonly kind: 'read-file' | 'write-file' | 'delete-file';
  readonly user: UserName;
  readonly path: FilePath;
}

export interface FolderRoute {
  readonly kind: 'list-files';
  readonly user: UserName;
  /** Nothing for all files of the user. */
  readonly folder: FilePath | undefined;
}

export interface LogsRoute {
  readonly kind: 'logs';
  readonly user: UserName;
  /** Nothing for those of all functions of the user. */
  readonly function: FunctionName | undefined;
}

export interface ConsoleRoute {
  readonly kind: 'console';
  readonly page: 'page' | 'data' | 'metrics';
}

export interface HealthRoute {
  readonly kind: 'health' | 'ready';
}

export interface RefusedRoute {
  readonly kind: 'refused';
  readonly error: FaasmError;
  /** The methods that the path has, where the method is what is wrong. */
  readonly allow?: string;
}

export type Route =
  | FunctionRoute
  | ProgramRoute
  | OptionsRoute
  | CallRoute
  | StateRoute
  | UserRoute
  | FileRoute
  | FolderRoute
  | LogsRoute
  | ConsoleRoute
  | HealthRoute
  | RefusedRoute;

/** Methods that call a function, which is what pages of other origins may be let do. */
export const calledMethods = 'GET, HEAD, POST';
const anyMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** @param target of the request line */
export function toRoute(method: string, target: string): Route {
  if (target === '*' && method === 'OPTIONS') return { kind: 'options', allow: anyMethods };
  try {
    const { segments, query, slash } = toTarget(target);
    const asked = method === 'HEAD' ? 'GET' : method;
    const route =
      segments[0] === 'file' ? matchFile(asked, segments, slash) : matchSegments(asked, segments, query);
    return method === 'OPTIONS' ? toOptions(route) : route;
  } catch (thrown) {
    return { kind: 'refused', error: FaasmError.from(thrown) };
  }
}

function matchSegments(method: string, segments: Segments, query: string): Route {
  switch (segments[0]) {
    case 'f':
      if (segments.length === 2) return listFunctions(method, segments[1]!);
      return matchFunction(method, segments);
    case 'fa':
      return matchAsync(method, segments);
    case 's':
      if (segments.length === 2) return listState(method, segments[1]!);
      return matchState(method, segments, query);
    case 'calls':
      return matchCall(method, segments);
    case 'logs':
      return matchLogs(method, segments);
    case 'console':
      if (segments.length === 2 && segments[1] === 'data') return readOnly(method, consolePages.data);
      return notFound(segments);
    default:
      if (segments.length !== 1) return notFound(segments);
      return matchSingle(method, segments);
  }
}

function toOptions(route: Route): Route {
  if (route.kind === 'program') {
    const { user, function: name, otherwise } = route;
    const allow = otherwise.kind === 'refused' ? (otherwise.allow ?? anyMethods) : anyMethods;
    return { kind: 'options', allow: withOptions(allow), of: { user, function: name } };
  }
  if (route.kind !== 'refused' || route.allow === undefined) return route;
  return { kind: 'options', allow: withOptions(route.allow) };
}

function withOptions(allow: string): string {
  return allow.includes('OPTIONS') ? allow : `${allow}, OPTIONS`;
}

function matchFunction(method: string, segments: Segments): Route {
  if (segments.length < 3) return notFound(segments);
  if (segments.length === 3 && (method === 'POST' || method === 'DELETE' || method === 'PUT')) {
    return matchOwn(method, segments);
  }
  const { user, function: name } = functionRoute('invoke', segments);
  return { kind: 'program', user, function: name, otherwise: matchOwn(method, segments) };
}

/** What a path means that is of a function, and not of a CGI program. */
function matchOwn(method: string, segments: Segments): Route {
  if (segments.length === 4 && method === 'PUT') return functionRoute('upload', segments);
  if (segments.length !== 3) return notFound(segments);
  switch (method) {
    case 'POST':
      return functionRoute('invoke', segments);
    case 'PUT':
      return functionRoute('upload', segments);
    case 'GET':
      return functionRoute('describe', segments);
    case 'DELETE':
      return functionRoute('remove', segments);
    default:
      return notAllowed(method, 'GET, HEAD, POST, PUT, DELETE');
  }
}

function matchAsync(method: string, segments: Segments): Route {
  if (segments.length === 2) throw nameMissing(`/fa/${segments[1]}/FUNCTION`);
  if (segments.length === 4 && method === 'PUT') return functionRoute('upload', segments);
  if (segments.length !== 3) return notFound(segments);
  if (method === 'POST') return functionRoute('async', segments);
  if (method === 'PUT') return functionRoute('upload', segments);
  const refused = notAllowed(method, 'POST, PUT');
  if (method !== 'OPTIONS') return refused;
  const { user, function: name } = functionRoute('async', segments);
  return { kind: 'program', user, function: name, otherwise: refused };
}

function matchState(method: string, segments: Segments, query: string): Route {
  if (segments.length !== 3) {
    if (segments.length < 3) return notFound(segments);
    throw new FaasmError('bad_name', 'A state key is one path segment: write a slash inside it as %2F');
  }
  switch (method) {
    case 'GET':
      return stateRoute('read-state', segments);
    case 'PUT':
      return stateRoute('write-state', segments);
    case 'POST':
      return stateRoute(asksToAppend(query) ? 'append-state' : 'write-state', segments);
    case 'PATCH':
      return stateRoute('append-state', segments);
    case 'DELETE':
      return stateRoute('delete-state', segments);
    default:
      return notAllowed(method, 'GET, HEAD, POST, PUT, PATCH, DELETE');
  }
}

function matchCall(method: string, segments: Segments): Route {
  if (segments.length === 3 && segments[2] === 'output') {
    return readOnly(method, { kind: 'output', id: toCallId(decodeName(segments[1]!)) });
  }
  if (segments.length !== 2) return notFound(segments);
  const id = toCallId(decodeName(segments[1]!));
  if (method === 'GET') return { kind: 'status', id };
  if (method === 'DELETE') return { kind: 'cancel', id };
  return notAllowed(method, 'GET, HEAD, DELETE');
}

/** What ends with a slash is a folder. */
function matchFile(method: string, segments: Segments, slash: boolean): Route {
  if (segments.length < 2) return notFound(segments);
  const user = toUserName(decodeName(segments[1]!));
  if (segments.length === 2 && method === 'PUT') throw nameMissing(`/file/${user}/PATH`);
  if (segments.length === 2) return readOnly(method, { kind: 'list-files', user, folder: undefined });
  const path = toFilePath(segments.slice(2).map(decodePathName).join('/'));
  if (slash && method === 'PUT') {
    throw new FaasmError('bad_name', `A file is put under its whole path, not into ${quote(`${path}/`)}`);
  }
  if (slash) return readOnly(method, { kind: 'list-files', user, folder: path });
  switch (method) {
    case 'GET':
      return { kind: 'read-file', user, path };
    case 'PUT':
      return { kind: 'write-file', user, path };
    case 'DELETE':
      return { kind: 'delete-file', user, path };
    default:
      return notAllowed(method, 'GET, HEAD, PUT, DELETE');
  }
}

function matchLogs(method: string, segments: Segments): Route {
  if (segments.length !== 2 && segments.length !== 3) return notFound(segments);
  const user = toUserName(decodeName(segments[1]!));
  const name = segments.length === 2 ? undefined : toFunctionName(decodeName(segments[2]!));
  return readOnly(method, { kind: 'logs', user, function: name });
}

function matchSingle(method: string, segments: Segments): Route {
  switch (segments[0]) {
    case '':
      return readOnly(method, consolePages.page);
    case 'metrics':
      return readOnly(method, consolePages.metrics);
    case 'healthz':
      return readOnly(method, { kind: 'health' });
    case 'readyz':
      return readOnly(method, { kind: 'ready' });
    default:
      return notFound(segments);
  }
}

const consolePages = {
  page: { kind: 'console', page: 'page' },
  data: { kind: 'console', page: 'data' },
  metrics: { kind: 'console', page: 'metrics' },
} as const satisfies Record<string, ConsoleRoute>;

function nameMissing(path: string): FaasmError {
  return new FaasmError('bad_name', `The name is missing: write ${path}`);
}

function listFunctions(method: string, user: string): Route {
  if (method === 'PUT' || method === 'POST') throw nameMissing(`/f/${user}/FUNCTION`);
  return readOnly(method, { kind: 'list-functions', user: toUserName(decodeName(user)) });
}

function listState(method: string, user: string): Route {
  if (method === 'PUT' || method === 'POST') throw nameMissing(`/s/${user}/KEY`);
  return readOnly(method, { kind: 'list-state', user: toUserName(decodeName(user)) });
}

function functionRoute(kind: FunctionRoute['kind'], segments: Segments): FunctionRoute {
  const user = toUserName(decodeName(segments[1]!));
  return { kind, user, function: toFunctionName(decodeName(segments[2]!)) };
}

function stateRoute(kind: StateRoute['kind'], segments: Segments): StateRoute {
  const user = toUserName(decodeName(segments[1]!));
  return { kind, user, key: toStateKey(decodeKey(segments[2]!)) };
}

function readOnly(method: string, route: Route): Route {
  return method === 'GET' ? route : notAllowed(method, 'GET, HEAD');
}

function notAllowed(method: string, allow: string): RefusedRoute {
  const error = new FaasmError(
    'method_not_allowed',
    `This path does not take ${quote(method)}: use ${allow}`,
  );
  return { kind: 'refused', error, allow };
}

function notFound(segments: Segments): RefusedRoute {
  const path = quote(`/${segments.join('/')}`);
  const error = new FaasmError(
    'not_found',
    `No route ${path}: there are /f/USER/FUNCTION, /fa/USER/FUNCTION, /calls/ID, /s/USER/KEY, /file/USER/PATH, /logs/USER, /healthz, /readyz, /metrics, /console/data and /`,
  );
  return { kind: 'refused', error };
}

function asksToAppend(query: string): boolean {
  return query !== '' && query.split('&').some((part) => part === 'append' || part.startsWith('append='));
}
