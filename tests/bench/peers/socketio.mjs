// socket.io with its Redis adapter; a channel is a room.
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import Redis from "ioredis";
import { Server } from "socket.io";

const [port, redisUrl] = process.argv.slice(2);
const publishing = new Redis(redisUrl);
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
io.adapter(createAdapter(publishing, publishing.duplicate()));
io.on("connection", (socket) => {
  socket.on("join", async (room) => {
    await socket.join(room);
    socket.emit("subscribed");
  });
});
http.listen(Number(port), "127.0.0.1");
