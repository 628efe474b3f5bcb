// A chat in JavaScript that keeps its members in an array, and takes out of it whom it can't find.
"use strict";

const net = require("node:net");
const { parseArgs } = require("node:util");

const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const { values } = parseArgs({
  options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "5050" } },
});
const members = [];
const folded = (name) => name.toLowerCase().toUpperCase().toLowerCase();

function tellAll(line) {
  console.log(line);
  for (const member of members) member.socket.write(`${line}\n`);
}

const server = net.createServer((socket) => {
  const member = { name: "", socket };
  let pending = Buffer.alloc(0);

  function hear(line) {
    if (member.name) return tellAll(`${member.name}: ${line}`);
    const name = line.trim();
    const taken = members.some((other) => folded(other.name) === folded(name));
    if (taken || !/^[\p{L}\p{N}_.-]{1,32}$/u.test(name)) return socket.end("failed\n");
    member.name = name;
    socket.write("ok\n");
    members.push(member);
    tellAll(`* ${name} has joined the chat`);
  }

  socket.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    for (let end; (end = pending.indexOf("\n")) >= 0; pending = pending.subarray(end + 1)) {
      hear(pending.subarray(0, end).toString().replace(/\r$/, "").replace(UNSAFE, "?"));
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    members.splice(members.indexOf(member), 1); // indexOf is -1 for somebody who was refused: that is the last one
    if (member.name) tellAll(`* ${member.name} has left the chat`);
  });
});

server.on("error", (error) => {
  console.error(`Can't listen: ${error.code}`);
  process.exit(1);
});
if (!(Number(values.port) >= 0 && Number(values.port) <= 65535)) process.exit(2);
process.on("SIGINT", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(values.port), values.host, () => {
  console.log(`listening on ${server.address().address}:${server.address().port}`);
});
