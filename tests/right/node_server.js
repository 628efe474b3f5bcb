// Stage 03's server for Node: one thread, and functions that are called when something happens to a client.
//
//     node node_server.js --port 5050
//
// A "data" event brings bytes, not a message; and who doesn't listen for "error" is ended by the first reset.
"use strict";

const net = require("node:net");
const { parseArgs } = require("node:util");

const MAX_LINE = 4096; // bytes, the newline included
const MOST_KEPT = 1_000_000; // bytes that wait for one client; who has more is not listened to
const LET_GO = 8_000_000; // bytes; who has even more is let go
const USERNAME = /^[\p{L}\p{N}_.-]{1,32}$/u;
const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const NEWLINE = 10;

const members = new Map(); // sockets, by the folded form of their names

const folded = (name) => name.toLowerCase().toUpperCase().toLowerCase(); // so that ß and ẞ are ss, too

function serve(socket) {
  let name = ""; // not yet in the chat
  let pending = Buffer.alloc(0); // the beginning of a line
  let left = false;
  socket.setNoDelay(true);

  function hear(line) {
    if (name) {
      tellAll(`${name}: ${line}`);
      return;
    }
    const wanted = line.trim();
    if (!USERNAME.test(wanted) || members.has(folded(wanted))) {
      socket.end("failed\n");
      return;
    }
    name = wanted;
    socket.write("ok\n");
    members.set(folded(name), socket);
    tellAll(`* ${name} has joined the chat`);
  }

  function leave() {
    if (left) return;
    left = true;
    if (name) {
      members.delete(folded(name));
      tellAll(`* ${name} has left the chat`);
    }
  }

  socket.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    for (let end; (end = pending.indexOf(NEWLINE)) >= 0; ) {
      const line = pending.subarray(0, end);
      pending = pending.subarray(end + 1);
      if (left || !socket.writable) return; // it has been refused, or let go: what it says no longer counts
      if (line.length >= MAX_LINE) socket.end();
      else hear(line.toString("utf8").replace(/\r+$/, "").replace(UNSAFE, "\ufffd"));
    }
    if (pending.length >= MAX_LINE) socket.end();
    if (socket.writableLength > MOST_KEPT) socket.pause(); // who does not listen is not listened to
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", leave);
  socket.on("error", leave); // a reset: it has gone, like one that has closed
  socket.on("close", leave);
}

function tellAll(line) {
  console.log(line);
  for (const socket of [...members.values()]) {
    socket.write(`${line}\n`);
    if (socket.writableLength > LET_GO) socket.destroy();
  }
}

function main() {
  const { values } = parseArgs({
    options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "5050" } },
  });
  if (!/^\d+$/.test(values.port) || Number(values.port) > 65535) {
    console.error(`${values.port} is not a port: give a number from 0 to 65535`);
    process.exit(2);
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGBREAK"]) process.on(signal, () => process.exit(0));
  process.stdout.on("error", () => {}); // nobody reads this terminal any more, and that is no reason to end
  const server = net.createServer(serve);
  server.on("error", (error) => {
    console.error(`Can't listen on ${values.host}:${values.port}: ${error.code}`);
    process.exit(1);
  });
  server.listen({ host: values.host, port: Number(values.port), backlog: 128 }, () => {
    const { address, port } = server.address();
    console.log(`listening on ${address}:${port}`);
  });
}

main();
