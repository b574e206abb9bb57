/** A CGI program: its environment tells of a request, and its output is a response. */
import { toCgiEnvironment } from '../../guest/cgi/request.ts';
import { toResponse } from '../../guest/cgi/response.ts';
import type { Program } from '../program.ts';
import { toOwnEnvironment } from '../surroundings.ts';
import type { Way } from './way.ts';

export function asCgi({ user, function: name, settings }: Program, way: Way): Way {
  const own = toOwnEnvironment(settings);
  return {
    ...way,
    begin(call, found) {
      const { input, given, request } = call;
      const about = { user, name, request, inputBytes: input.length, given: given?.env ?? {}, own };
      return { ...(way.begin?.(call, found) ?? found), env: toCgiEnvironment(about) };
    },
    end(end) {
      const { body, head } = toResponse(end.output);
      return { ...end, output: body, response: head };
    },
  };
}
