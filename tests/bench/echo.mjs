// A WebSocket server that sends back what it gets, and its client, which measures.
// usage: echo.mjs server PORT | echo.mjs client PORT
//
// Each takes its orders from its standard input, and ends with it. The client's: one line of
// "CONNECTIONS MESSAGES BYTES"; it opens so many connections, sends as many messages over all of
// them, each connection one at a time, closes them, and prints the nanoseconds that it took.
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { WebSocket, WebSocketServer } = require("ws");

async function serve(port) {
  const server = new WebSocketServer({ host: "127.0.0.1", port });
  server.on("connection", (socket) => {
    socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary }));
  });
  await once(server, "listening");
  console.log("ready");
  process.stdin.resume();
  await once(process.stdin, "end");
  process.exit();
}

async function open(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}

// Resolves when `count` messages have come back over this connection.
function exchange(socket, message, count) {
  return new Promise((resolve, reject) => {
    let left = count;
    socket.on("close", () => reject(new Error("the server closed a connection")));
    socket.on("message", (answer) => {
      if (answer.length !== message.length) reject(new Error("an answer of another length"));
      left -= 1;
      if (left > 0) socket.send(message);
      else resolve();
    });
    socket.send(message);
  });
}

async function measure(port, connections, messages, bytes) {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const message = Buffer.alloc(bytes, "x");
  const start = process.hrtime.bigint();
  await Promise.all(sockets.map((socket) => exchange(socket, message, messages / connections)));
  const took = process.hrtime.bigint() - start;
  await Promise.all(sockets.map((socket) => {
    socket.removeAllListeners("close");
    const closed = once(socket, "close");
    socket.close(1000);
    return closed;
  }));
  return took;
}

async function ask(port) {
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(String(await measure(port, ...line.split(" ").map(Number))));
  }
}

const [role, port] = process.argv.slice(2);
await { server: serve, client: ask }[role](Number(port));
