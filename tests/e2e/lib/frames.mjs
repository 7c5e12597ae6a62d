// Frames of RFC 6455, and heads of its handshake, as bytes: also such as no library would send.

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

const MASK = Buffer.from([0x5a, 0xa5, 0x17, 0xe8]);

// `length`: that which the header tells, in eight bytes; else that of the payload.
export function frame(
  opcode,
  payload = '',
  { masked = false, final = true, reserved = 0, length } = {},
) {
  const data = Buffer.from(payload);
  const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  let extended = Buffer.alloc(0);
  if (length !== undefined || data.length > 0xffff) {
    extended = Buffer.alloc(8);
    extended.writeBigUInt64BE(BigInt(length ?? data.length));
    head.push(mask | 127);
  } else if (data.length > 125) {
    extended = Buffer.alloc(2);
    extended.writeUInt16BE(data.length);
    head.push(mask | 126);
  } else {
    head.push(mask | data.length);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), extended, data]);
  const covered = data.map((byte, i) => byte ^ MASK[i % 4]);
  return Buffer.concat([Buffer.from(head), extended, MASK, covered]);
}

// Without a code an empty one.
export function closeFrame(code, options) {
  const payload = Buffer.alloc(code === undefined ? 0 : 2);
  if (code !== undefined) payload.writeUInt16BE(code);
  return frame(OPCODE.close, payload, options);
}

const UPGRADE = { Upgrade: 'websocket', Connection: 'Upgrade' };

const head = (start, headers) =>
  [start, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join(
    '\r\n',
  );

export const request = (more = {}) =>
  head('GET /chat HTTP/1.1', {
    Host: 'localhost',
    ...UPGRADE,
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': 13,
    ...more,
  });

export const response = (more = {}) =>
  head('HTTP/1.1 101 Switching Protocols', {
    ...UPGRADE,
    'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    ...more,
  });
