// Runs the official JavaScript SDK: reads commands as JSON lines from stdin and writes events as JSON lines to stdout.
//
//   node driver.mjs HOST:PORT TRANSPORT
//
// TRANSPORT is websocket, http_stream, sse, "blocked" (a WebSocket that cannot open, and the others to fall back to), or
// "websocket-protobuf".

import { createInterface } from "node:readline";

import { Centrifuge } from "centrifuge";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import { EventSource } from "eventsource";
import WebSocket from "ws";

const [address, transport] = process.argv.slice(2);
const http = `http://${address}`;
const endpoints = {
  websocket: { transport: "websocket", endpoint: `ws://${address}/connection/websocket` },
  http_stream: { transport: "http_stream", endpoint: `${http}/connection/http_stream` },
  sse: { transport: "sse", endpoint: `${http}/connection/sse` },
};
const blocked = { transport: "websocket", endpoint: `ws://${address}/healthz` };
const [kind, encoding] = transport.split("-");
const chosen = kind === "blocked" ? [blocked, endpoints.http_stream, endpoints.sse] : [endpoints[kind]];

const report = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const waiting = [];
const getToken = (kind) => (context) =>
  new Promise((resolve) => {
    waiting.push(resolve);
    report({ event: kind, channel: context.channel });
  });

const client = new (encoding === "protobuf" ? ProtobufCentrifuge : Centrifuge)(chosen, {
  websocket: WebSocket,
  eventsource: EventSource,
  fetch,
  readableStream: ReadableStream,
  emulationEndpoint: `${http}/emulation`,
  getToken: getToken("token"),
  minReconnectDelay: 20,
  maxReconnectDelay: 200,
  maxServerPingDelay: 2000,
});

const subscribed = ({ channel, recovered, wasRecovering, data }) =>
  report({ event: "subscribed", channel, recovered, wasRecovering, data });
const publication = ({ channel, offset, data }) => report({ event: "publication", channel, offset, data });

client.on("connected", ({ transport: used }) => report({ event: "connected", transport: used }));
client.on("connecting", ({ code }) => report({ event: "connecting", code }));
client.on("disconnected", ({ code }) => report({ event: "disconnected", code }));
client.on("subscribed", subscribed);
client.on("publication", publication);

const commands = {
  connect: () => client.connect(),
  disconnect: () => client.disconnect(),
  token: ({ token }) => waiting.shift()(token),
  subscribe: ({ channel, withToken, states, filtered, type }) => {
    const options = {};
    if (withToken) options.getToken = getToken("subscriptionToken");
    if (states) options.getState = async () => states.shift();
    if (filtered) options.tagsFilter = { key: "topic", cmp: "ex" };
    const subscription = type === "map" ? client.newMapSubscription(channel) : client.newSubscription(channel, options);
    subscription.on("subscribed", subscribed);
    subscription.on("publication", publication);
    subscription.on("unsubscribed", ({ code }) => report({ event: "unsubscribed", channel, code }));
    subscription.subscribe();
  },
  send: () => client.send({}),
  unsubscribe: ({ channel }) => client.getSubscription(channel).unsubscribe(),
  history: async ({ channel, limit, reverse }) => {
    const { publications, offset } = await client.history(channel, { limit, reverse });
    report({ event: "history", offset, offsets: publications.map((one) => one.offset) });
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit());
