// An echo server as the first page of every tutorial on Node has it, in one line; the rest is the command line.
"use strict";

const net = require("node:net");
const { parseArgs } = require("node:util");

const { values } = parseArgs({
  options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "5050" } },
});
const server = net.createServer((socket) => socket.pipe(socket));

server.on("error", (error) => {
  console.error(`Can't listen: ${error.code}`);
  process.exit(1);
});
process.on("SIGINT", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(values.port), values.host, () => {
  console.log(`listening on ${server.address().address}:${server.address().port}`);
});
