/** From a request to the part that answers it. What holds for every route is checked here, once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId } from '../../proto/names.ts';
import { discardBody, refuseLength } from './body.ts';
import { cancelCall, prefersAsync, sendCallOutput, sendCallStatus, submitCall } from './calls.ts';
import { connectionOf } from './connection.ts';
import { sendConsolePage } from './console-pages.ts';
import { type Exchange, type HttpParts, logFailure, sendText } from './exchange.ts';
import { deleteFile, listFiles, readFile, writeFile } from './files.ts';
import { describeFunction, listFunctions, removeFunction, uploadFunction } from './functions.ts';
import { Invocation } from './invoke.ts';
import { listState } from './list-state.ts';
import { followLogs } from './logs.ts';
import { sendProblem } from './problem.ts';
import { type Route, toRoute } from './route.ts';
import { appendMaxBytes, appendState, deleteState, readState, writeState } from './state.ts';

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, or why no more work is taken; told to whoever asks. */
  readonly why: string;
}

export interface DispatchOptions {
  readonly parts: HttpParts;
  ready(): Readiness;
}

export interface Dispatch {
  request(req: IncomingMessage, res: ServerResponse): void;
  /** A request whose sender waits to hear whether its body is wanted. */
  continueRequest(req: IncomingMessage, res: ServerResponse): void;
}

/** Fit for a header and for a line of a log. */
const requestIdPattern = /^[!-~]{1,128}$/;

export function createDispatch({ parts, ready }: DispatchOptions): Dispatch {
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
    connectionOf(req.socket).latest = res;
    const route = toRoute(req.method!, req.url!);
    const isCall = route.kind === 'invoke' && !prefersAsync(req.headers.prefer);
    const id = isCall ? parts.newCallId(route.user) : parts.newId();
    const named = req.headers['x-request-id'];
    const requestId = typeof named === 'string' && requestIdPattern.test(named) ? named : id;
    const exchange: Exchange = { req, res, requestId };
    const refused = refuse(req, route, waits);
    if (draining()) res.shouldKeepAlive = false;
    if (refused !== undefined) {
      if (waits) res.shouldKeepAlive = false;
      fail(exchange, refused, route.kind === 'refused' ? route.allow : undefined);
      return;
    }
    if (waits) res.writeContinue();
    if (isCall) {
      new Invocation(parts, exchange, route, id as CallId).start();
      return;
    }
    answer(exchange, route).catch((thrown: unknown) => fail(exchange, FaasmError.from(thrown)));
  }

  function refuse(req: IncomingMessage, route: Route, waits: boolean): FaasmError | undefined {
    if (route.kind === 'refused') return route.error;
    if (req.headers['sec-fetch-site'] === 'cross-site' && req.method !== 'GET' && req.method !== 'HEAD') {
      return new FaasmError('forbidden', 'A page of another site may not change anything here');
    }
    if (draining() && route.kind !== 'health' && route.kind !== 'ready') {
      return new FaasmError('draining', 'This host is stopping: send the request to another');
    }
    return waits ? refuseLength(req, bodyMaxBytes(route)) : undefined;
  }

  function bodyMaxBytes(route: Route): number {
    switch (route.kind) {
      case 'invoke':
      case 'async':
        return parts.config.inputMaxBytes;
      case 'upload':
        return parts.config.moduleMaxBytes;
      case 'write-state':
        return parts.config.stateMaxBytes;
      case 'append-state':
        return appendMaxBytes(parts);
      case 'write-file':
        return parts.config.fileMaxBytes;
      default:
        return 0;
    }
  }

  async function answer(exchange: Exchange, route: Route): Promise<void> {
    switch (route.kind) {
      case 'invoke':
      case 'async':
        return submitCall(parts, exchange, route);
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

  function sendReadiness(exchange: Exchange): void {
    const { ready: isReady, why } = ready();
    if (draining()) throw new FaasmError('draining', 'This host is stopping');
    if (!isReady) throw new FaasmError('no_capacity', `This host is not ready: ${why}`);
    sendText(exchange, 200, 'ready\n');
  }

  function fail(exchange: Exchange, error: FaasmError, allow?: string): void {
    const { req, res, requestId } = exchange;
    logFailure(parts.log, { requestId, request: `${req.method} ${req.url}` }, error);
    sendProblem(res, error, { requestId, ...(allow !== undefined && { headers: { Allow: allow } }) });
    discardBody(req);
  }
}
