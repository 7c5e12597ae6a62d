// A WebSocket server that sends back what it gets, and its client, which measures.
// usage: echo.mjs server PORT | echo.mjs client PORT
//
// Each ends with its standard input. The client takes its orders there, a line each, and prints a
// line when it is done:
//   open CONNECTIONS
//   send MESSAGES BYTES    over all of them, each connection one at a time: prints the nanoseconds
//   close
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
    const done = (error) => {
      socket.removeAllListeners("message");
      socket.removeAllListeners("close");
      if (error) reject(new Error(error));
      else resolve();
    };
    let left = count;
    socket.on("close", () => done("the server closed a connection"));
    socket.on("message", (answer) => {
      if (answer.length !== message.length) done("an answer of another length");
      left -= 1;
      if (left > 0) socket.send(message);
      else done();
    });
    socket.send(message);
  });
}

async function obey(sockets, port, order, ...numbers) {
  const [first, bytes] = numbers.map(Number);
  if (order === "open") {
    sockets.push(...await Promise.all(Array.from({ length: first }, () => open(port))));
  } else if (order === "send") {
    const message = Buffer.alloc(bytes, "x");
    const start = process.hrtime.bigint();
    await Promise.all(sockets.map((socket) => exchange(socket, message, first / sockets.length)));
    return process.hrtime.bigint() - start;
  } else {
    const closed = sockets.map((socket) => once(socket, "close"));
    for (const socket of sockets.splice(0)) socket.close(1000);
    await Promise.all(closed);
  }
  return "done";
}

async function ask(port) {
  const sockets = [];
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(String(await obey(sockets, port, ...line.split(" "))));
  }
}

const [role, port] = process.argv.slice(2);
await { server: serve, client: ask }[role](Number(port));
