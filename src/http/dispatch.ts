/** From a request to the part that answers it. What holds for every route is checked here, once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { CallId } from '../../proto/names.ts';
import type { Readiness } from '../readiness.ts';
import { type BodyLimit, discardBody, refuseLength } from './body.ts';
import { cancelCall, prefersAsync, sendCallOutput, sendCallStatus, submitCall } from './calls.ts';
import { fileLimit, inputLimit, moduleLimit, stateLimit } from './config.ts';
import { connectionOf } from './connection.ts';
import { sendConsolePage } from './console-pages.ts';
import { acceptedEncodings, refuseEncoding } from './content-encoding.ts';
import { allowPreflight, isCalled, isPreflight, letIn } from './cors.ts';
import { accepts, type Exchange, type HttpParts, logFailure, sendNothing, sendText } from './exchange.ts';
import { deleteFile, listFiles, readFile, writeFile } from './files.ts';
import { describeFunction, listFunctions, removeFunction, uploadFunction } from './functions.ts';
import { HostNames } from './host-names.ts';
import { Invocation } from './invoke.ts';
import { listState } from './list-state.ts';
import { followLogs } from './logs.ts';
import { changesNothing, foreignOrigin, foreignRefusal } from './origin.ts';
import { sendProblem } from './problem.ts';
import { toRequestHeader } from './request-head.ts';
import { type FunctionRoute, type OptionsRoute, type ProgramRoute, type Route, toRoute } from './route.ts';
import { appendLimit, appendState, deleteState, readState, writeState } from './state.ts';
import { traceparentOf } from './traceparent.ts';

export interface DispatchOptions {
  readonly parts: HttpParts;
  readonly readiness: Pick<Readiness, 'why' | 'degraded'>;
}

export interface Dispatch {
  request(req: IncomingMessage, res: ServerResponse): void;
  /** A request whose sender waits to hear whether its body is wanted. */
  continueRequest(req: IncomingMessage, res: ServerResponse): void;
}

type Target = Pick<FunctionRoute, 'user' | 'function'>;

/** Fit for a header and for a line of a log. */
const requestIdPattern = /^[!-~]{1,128}$/;

export function createDispatch({ parts, readiness }: DispatchOptions): Dispatch {
  const { functions } = parts;
  const hostNames = new HostNames([...parts.config.hosts, parts.config.listen]);
  const draining = (): boolean => parts.closing.aborted;
  return {
    request(req, res) {
      dispatch(req, res, false);
    },
    continueRequest(req, res) {
      dispatch(req, res, true);
    },
  };

  function dispatch(req: IncomingMessage, res: ServerResponse, waits: boolean): void {
    const route = toRoute(req.method!, req.url!);
    const isCall = route.kind === 'invoke' && !prefersAsync(req.headers.prefer);
    const id = isCall ? parts.newCallId(route.user) : parts.newId();
    const named = req.headers['x-request-id'];
    const requestId = typeof named === 'string' && requestIdPattern.test(named) ? named : id;
    const traceparent = traceparentOf(req);
    if (traceparent !== undefined) res.setHeader('traceparent', traceparent);
    const exchange: Exchange = { req, res, requestId, traceparent };
    connectionOf(req.socket).began(exchange);
    const origin = foreignOrigin(req);
    const refused = refuse(req, route, waits, origin);
    if (draining()) res.shouldKeepAlive = false;
    if (refused !== undefined) {
      if (waits) res.shouldKeepAlive = false;
      fail(exchange, refused, route.kind === 'refused' ? route.allow : undefined);
      return;
    }
    if (waits) res.writeContinue();
    const settings = isCall && origin === undefined ? functions.find(route.user, route.function) : undefined;
    if (isCall && settings !== undefined) {
      call(exchange, route, id as CallId, settings);
      return;
    }
    const answered =
      isCall || route.kind === 'async' || route.kind === 'program'
        ? answerOfFunction(exchange, route, origin, isCall ? (id as CallId) : undefined)
        : answer(exchange, route);
    answered.catch((thrown: unknown) => fail(exchange, FaasmError.from(thrown)));
  }

  function call(
    exchange: Exchange,
    { user, function: name }: Target,
    id: CallId,
    settings: FunctionSettings,
  ): void {
    const request = settings.cgi === true ? toRequestHeader(exchange.req) : undefined;
    new Invocation(parts, exchange, { user, function: name, request }, id).start();
  }

  /** What depends on the settings of the function, where these are not at hand, or a page of another origin asks. */
  async function answerOfFunction(
    exchange: Exchange,
    route: FunctionRoute | ProgramRoute,
    origin: string | undefined,
    callId: CallId | undefined,
  ): Promise<void> {
    const { req, res } = exchange;
    const { user, function: name } = route;
    const settings = functions.find(user, name) ?? (await functions.ask(user, name));
    const isOwn = route.kind === 'program' && !isForProgram(exchange, settings);
    if (isOwn && route.otherwise.kind === 'refused') {
      fail(exchange, route.otherwise.error, route.otherwise.allow);
      return;
    }
    if (isOwn) return await answer(exchange, route.otherwise);
    if (origin !== undefined && !letIn(settings, origin, res) && !changesNothing(req.method!)) {
      throw foreignRefusal(`${user}/${name}`);
    }
    if (route.kind === 'async' || (route.kind === 'invoke' && prefersAsync(req.headers.prefer))) {
      return await submitCall(
        parts,
        exchange,
        route,
        settings.cgi === true ? toRequestHeader(req) : undefined,
      );
    }
    call(exchange, route, callId ?? parts.newCallId(user), settings);
  }

  /** A program is asked for its description, and for its module, by what is accepted. */
  function isForProgram(exchange: Exchange, settings: FunctionSettings): boolean {
    const { req } = exchange;
    if (settings.cgi !== true) return false;
    if (req.method === 'PUT') {
      const path = req.url!.split('?', 1)[0]!;
      return !path.endsWith('.wasm') && req.headers['x-faasm-runtime'] === undefined;
    }
    return !accepts(exchange, 'application/json') && !accepts(exchange, 'application/wasm');
  }

  function refuse(
    req: IncomingMessage,
    route: Route,
    waits: boolean,
    origin: string | undefined,
  ): FaasmError | undefined {
    const misdirected = hostNames.refuse(req);
    if (misdirected !== undefined) return misdirected;
    if (route.kind === 'refused') return route.error;
    if (origin !== undefined && !changesNothing(req.method!) && !isCalled(req.method!, route))
      return foreignRefusal();
    const packed = refuseEncoding(req);
    if (packed !== undefined) return packed;
    if (draining() && route.kind !== 'health' && route.kind !== 'ready') {
      return new FaasmError('draining', 'This host is stopping: send the request to another');
    }
    return waits ? refuseLength(req, bodyLimit(route)) : undefined;
  }

  function bodyLimit(route: Route): BodyLimit {
    switch (route.kind) {
      case 'invoke':
      case 'program':
      case 'async':
        return inputLimit(parts.config);
      case 'upload':
        return moduleLimit(parts.config);
      case 'write-state':
        return stateLimit(parts.config);
      case 'append-state':
        return appendLimit(parts);
      case 'write-file':
        return fileLimit(parts.config);
      default:
        return { maxBytes: 0 };
    }
  }

  async function answer(exchange: Exchange, route: Route): Promise<void> {
    switch (route.kind) {
      case 'invoke':
      case 'async':
      case 'program':
        return answerOfFunction(exchange, route, undefined, undefined);
      case 'options':
        return answerOptions(exchange, route);
      case 'status':
        return sendCallStatus(parts, exchange, route);
      case 'output':
        return sendCallOutput(parts, exchange, route);
      case 'cancel':
        return cancelCall(parts, exchange, route);
      case 'upload':
        return uploadFunction(parts, exchange, route);
      case 'list-functions':
        return listFunctions(parts, exchange, route);
      case 'describe':
        return describeFunction(parts, exchange, route);
      case 'remove':
        return removeFunction(parts, exchange, route);
      case 'read-state':
        return readState(parts, exchange, route);
      case 'write-state':
        return writeState(parts, exchange, route);
      case 'append-state':
        return appendState(parts, exchange, route);
      case 'delete-state':
        return deleteState(parts, exchange, route);
      case 'list-state':
        return listState(parts, exchange, route);
      case 'read-file':
        return readFile(parts, exchange, route);
      case 'write-file':
        return writeFile(parts, exchange, route);
      case 'delete-file':
        return deleteFile(parts, exchange, route);
      case 'list-files':
        return listFiles(parts, exchange, route);
      case 'logs':
        return followLogs(parts, exchange, route);
      case 'console':
        return sendConsolePage(parts, exchange, route);
      case 'health':
        return sendText(exchange, 200, 'ok\n');
      case 'ready':
        return sendReadiness(exchange);
      case 'refused':
        throw route.error;
    }
  }

  async function answerOptions(exchange: Exchange, { allow, of }: OptionsRoute): Promise<void> {
    const { req, res } = exchange;
    const settings =
      of && (functions.find(of.user, of.function) ?? (await functions.ask(of.user, of.function)));
    const asks = isPreflight(req);
    if (of !== undefined && settings?.cgi === true && !(asks && settings.cors !== undefined)) {
      call(exchange, of, parts.newCallId(of.user), settings);
      return;
    }
    if (settings !== undefined && asks && letIn(settings, req.headers.origin!, res)) allowPreflight(req, res);
    sendNothing(exchange, 204, { Allow: allow });
  }

  function sendReadiness(exchange: Exchange): void {
    const { why, degraded } = readiness;
    if (draining()) throw new FaasmError('draining', 'This host is stopping');
    if (why !== '') throw new FaasmError('no_capacity', `This host is not ready: ${why}`);
    sendText(exchange, 200, degraded === '' ? 'ready\n' : `ready, and degraded: ${degraded}\n`);
  }

  function fail(exchange: Exchange, error: FaasmError, allow?: string): void {
    const { req, res, requestId, traceparent } = exchange;
    logFailure(parts.log, { requestId, traceparent, request: `${req.method} ${req.url}` }, error);
    sendProblem(res, error, {
      requestId,
      headers: {
        ...(allow !== undefined && { Allow: allow }),
        ...(error.code === 'unsupported_encoding' && { 'Accept-Encoding': acceptedEncodings }),
      },
    });
    discardBody(req);
  }
}
