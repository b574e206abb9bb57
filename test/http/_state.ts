/** State as the state actor keeps it, as far as the bridge can tell, on a bus. */
import { FaasmError } from '../../proto/errors.ts';
import { resourceHeaders as names } from '../../proto/headers.ts';
import { fromStateToken } from '../../proto/names.ts';
import { respondError } from '../../src/bus/error-headers.ts';
import {
  type Bus,
  type BusMessage,
  Encodable,
  header,
  readBody,
  respond,
  toBytes,
} from '../../src/bus/port.ts';
import { stateCodecs, stateDescriptionCodec } from '../../src/state/tier/messages.ts';
import { subjects } from './_bridge.ts';

interface Value {
  bytes: Buffer;
  version: number;
}

export interface FakeState {
  readonly values: Map<string, Value>;
  /** The operation of each message, and the size of its body. */
  readonly seen: { op: string; bytes: number }[];
  /** Before a message is answered. */
  before: (op: string) => Promise<void> | void;
}

export function answerState(bus: Bus): FakeState {
  const state: FakeState = { values: new Map(), seen: [], before: () => {} };
  const staged = new Map<string, Buffer[]>();
  let version = 0;
  bus.subscribe(subjects.state('*', '*', '*'), async (message) => {
    const [op, user, token] = message.subject.split('.').slice(2) as [string, string, string];
    state.seen.push({ op, bytes: toBytes(message.body).length });
    try {
      await state.before(op);
      answer(message, op, user, token);
    } catch (thrown) {
      respondError(bus, message, thrown);
    }
  });
  return state;

  function answer(message: BusMessage, op: string, user: string, token: string): void {
    const id = `${user}/${token}`;
    const found = state.values.get(id);
    const body = Buffer.from(toBytes(message.body));
    if (op === 'list') {
      const { after = '', limit } = readBody(message, stateCodecs.list.request);
      const all = [...state.values].sort(([left], [right]) => (left < right ? -1 : 1));
      const list = all
        .filter(([each]) => each.startsWith(`${user}/`))
        .map(([each, value]) => describe(each.slice(user.length + 1), value))
        .filter(({ key }) => key > after);
      respond(bus, message, new Encodable(list.slice(0, limit), stateCodecs.list.answer));
    } else if (op === 'set') set(message, id, found, body);
    else if (op === 'append')
      write(message, id, found, Buffer.concat([found?.bytes ?? Buffer.alloc(0), body]));
    else if (found === undefined) throw new FaasmError('not_found', `No value ${id}`);
    else if (op === 'size')
      respond(bus, message, new Encodable(describe(token, found), stateDescriptionCodec));
    else if (op === 'delete') {
      check(message, found);
      state.values.delete(id);
      respond(bus, message, Buffer.alloc(0));
    } else if (op === 'get') {
      const offset = Number(header(message, names.offset));
      const length = Number(header(message, names.length));
      respond(bus, message, found.bytes.subarray(offset, offset + length), {
        [names.version]: [String(found.version)],
        [names.size]: [String(found.bytes.length)],
      });
    }
  }

  function set(message: BusMessage, id: string, found: Value | undefined, body: Buffer): void {
    const upload = header(message, names.uploadId);
    const offset = Number(header(message, names.offset) ?? 0);
    if (upload === undefined) {
      if (header(message, names.offset) === undefined) write(message, id, found, body);
      else {
        const bytes = Buffer.alloc(Math.max(found?.bytes.length ?? 0, offset + body.length));
        found?.bytes.copy(bytes);
        body.copy(bytes, offset);
        write(message, id, found, bytes);
      }
      return;
    }
    const parts = staged.get(upload) ?? [];
    staged.set(upload, parts);
    if (Buffer.concat(parts).length !== offset)
      throw new FaasmError('bad_request', 'A staged part is missing');
    parts.push(body);
    const commit = header(message, names.uploadCommit);
    if (commit === undefined) respond(bus, message, Buffer.alloc(0));
    else if (Number(commit) !== offset + body.length)
      throw new FaasmError('bad_request', 'Not the whole size');
    else write(message, id, found, Buffer.concat(parts));
  }

  function write(message: BusMessage, id: string, found: Value | undefined, bytes: Buffer): void {
    check(message, found);
    state.values.set(id, { bytes, version: ++version });
    respond(bus, message, Buffer.alloc(0), { [names.version]: [String(version)] });
  }
}

function check(message: BusMessage, found: Value | undefined): void {
  const ifMatch = header(message, names.ifMatch);
  const absent = header(message, names.ifNoneMatch) === '*';
  const differs =
    ifMatch !== undefined && (found === undefined || (ifMatch !== '*' && Number(ifMatch) !== found.version));
  if (differs || (absent && found !== undefined))
    throw new FaasmError('precondition_failed', 'Another version');
}

function describe(token: string, { bytes, version }: Value) {
  return { key: fromStateToken(token), sizeBytes: bytes.length, version };
}
