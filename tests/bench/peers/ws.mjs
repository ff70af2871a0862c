// A hand-written hub with Node `ws` and ioredis: a set of sockets per channel, and one send for each.
import { WebSocketServer } from "ws";
import Redis from "ioredis";

const [port, redisUrl] = process.argv.slice(2);
const channels = new Map();
const redis = new Redis(redisUrl);

redis.on("message", (channel, text) => {
  for (const socket of channels.get(channel) ?? []) socket.send(text);
});

new WebSocketServer({ port: Number(port), host: "127.0.0.1", perMessageDeflate: false }).on("connection", (socket, request) => {
  const channel = new URL(request.url, "http://x").searchParams.get("channel");
  let sockets = channels.get(channel);
  const subscribed = sockets ? Promise.resolve() : redis.subscribe(channel);
  if (!sockets) channels.set(channel, (sockets = new Set()));
  sockets.add(socket);
  subscribed.then(() => socket.send('{"subscribed":true}'));
  socket.on("close", () => sockets.delete(socket));
});
