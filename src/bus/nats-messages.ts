/** Messages of the NATS client as messages of the bus, and back. */
import { headers as createHeaders, type Msg, type MsgHdrs } from 'nats';
import { checkHeaders, toStatus } from './headers.ts';
import { type BusMessage, type Headers, statusHeader } from './port.ts';

export function fromNatsMessage(message: Msg): BusMessage {
  return {
    subject: message.subject,
    reply: message.reply === '' ? undefined : message.reply,
    headers: message.headers === undefined ? undefined : fromNatsHeaders(message.headers),
    body: message.data,
  };
}

/** @throws FaasmError `bad_request` */
export function toNatsHeaders(headers: Headers): MsgHdrs {
  checkHeaders(headers);
  const status = toStatus(headers);
  const made =
    status === undefined ? createHeaders() : createHeaders(status.code, status.description || 'Status');
  for (const [name, values] of Object.entries(headers)) {
    if (status !== undefined && (name === statusHeader || name === 'Description')) continue;
    for (const value of values) made.append(name, value);
  }
  return made;
}

function fromNatsHeaders(headers: MsgHdrs): Headers {
  const values = new Map<string, string[]>();
  if (headers.code > 0) {
    values.set(statusHeader, [String(headers.code)]);
    if (headers.description !== '') values.set('Description', [headers.description]);
  }
  for (const name of headers.keys()) values.set(name, headers.values(name));
  return Object.fromEntries(values);
}
