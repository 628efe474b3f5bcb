// Stage 03's client for Node: what is typed and what arrives both come as events, so nobody waits for anybody.
//
//     node node_client.js --host 127.0.0.1 --port 5050
"use strict";

const net = require("node:net");
const readline = require("node:readline");
const { parseArgs } = require("node:util");

const MAX_LINE = 4096; // bytes, the newline included
const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const NEWLINE = 10;

const { values } = parseArgs({
  options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "5050" } },
});
const typed = []; // lines that were typed and have not been used yet
let inputHasEnded = false;
let state = "out"; // then "asking", while the answer is waited for, then "in"
let socket = null;

function tell(text) {
  process.stderr.write(text);
}

// Use what was typed as far as that is possible now: a name while we are out, messages while we are in.
function goOn() {
  while (typed.length > 0 && state !== "asking") {
    const line = typed.shift();
    if (state === "out") join(line.trim());
    else socket.write(`${line}\n`);
  }
  if (inputHasEnded && state === "in") socket.end(); // what is still on its way to us is heard
  if (inputHasEnded && state === "out") process.exit(0);
}

function join(name) {
  let pending = Buffer.alloc(0);
  state = "asking";
  const server = net.connect({ host: values.host, port: Number(values.port), allowHalfOpen: false });
  socket = server;
  server.setNoDelay(true);
  server.on("connect", () => server.write(`${name}\n`));
  server.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    for (let end; server === socket && (end = pending.indexOf(NEWLINE)) >= 0; pending = pending.subarray(end + 1)) {
      hear(pending.subarray(0, end).toString("utf8").replace(/\r+$/, "").replace(UNSAFE, "\ufffd"));
    }
  });
  server.on("error", (error) => {
    if (server !== socket) return; // one that has refused us
    if (error.syscall === "connect") fail(`Can't reach a server at ${values.host}:${values.port}: ${error.code}\n`);
    ended();
  });
  server.on("end", () => server === socket && ended());
}

function hear(line) {
  if (state === "in") {
    process.stdout.write(`${line}\n`);
  } else if (line === "ok") {
    state = "in";
    tell("You are in.\n");
    goOn();
  } else {
    const refused = socket;
    socket = null;
    refused.destroy();
    state = "out";
    tell("The server refused this name. Another name: ");
    goOn();
  }
}

function ended() {
  if (inputHasEnded && state === "in") process.exit(0);
  fail("The server has closed the connection.\n");
}

function fail(text) {
  tell(text);
  process.exit(1);
}

if (!/^\d+$/.test(values.port) || Number(values.port) < 1 || Number(values.port) > 65535) {
  tell(`${values.port} is not a port: give a number from 1 to 65535\n`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGBREAK"]) process.on(signal, () => process.exit(0));
process.stdout.on("error", () => process.exit(1)); // whoever read what we print has gone
tell("Your name: ");
const keyboard = readline.createInterface({ input: process.stdin, terminal: false });
keyboard.on("line", (line) => {
  if (Buffer.byteLength(line) >= MAX_LINE) tell(`That line is too long: it has to stay under ${MAX_LINE} bytes.\n`);
  else if (line.trim()) typed.push(line);
  goOn();
});
keyboard.on("close", () => {
  inputHasEnded = true;
  goOn();
});
