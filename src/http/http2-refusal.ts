/**
 * What a client hears that speaks HTTP/2 without having asked: an empty SETTINGS frame, and a GOAWAY with the error
 * HTTP_1_1_REQUIRED (RFC 9113, sections 6.8 and 7), upon which it can come again with HTTP/1.1.
 */
const settings = 0x4;
const goAway = 0x7;
const http11Required = 0xd;

const reason = Buffer.from('This port speaks HTTP/1.1');

export const http2Refusal = Buffer.concat([
  toFrame(settings, Buffer.alloc(0)),
  // No stream was looked at.
  toFrame(goAway, Buffer.concat([toUint32(0), toUint32(http11Required), reason])),
]);

/** Of the connection, without flags. */
function toFrame(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  return Buffer.concat([head, payload]);
}

function toUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
