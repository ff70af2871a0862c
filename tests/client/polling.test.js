import assert from "node:assert/strict";
import { test } from "node:test";

import { aTask, feedOf, settled } from "./support.js";

test("without a connection, one request asks for all active tasks until the connection is back", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const [one, two, ended] = [aTask(), aTask(), aTask({ status: "failed" })];
  feed.connect();
  connection.live([one, two, ended]);
  connection.emit("connecting");
  await pass(2900);
  assert.deepEqual(server.requests, [], "it polled before the connection had time to come back");
  server.tasks = [{ ...one, tick: 5, progress: 50 }, two];
  await pass(400);
  assert.deepEqual(server.requests, [[one.taskId, two.taskId]]);
  assert.deepEqual([feed.get(one.taskId).progress, feed.getSnapshot().state], [50, "polling"]);
  connection.emit("connected");
  assert.equal(feed.getSnapshot().state, "live");
  await pass(60_000);
  assert.equal(server.requests.length, 1, "it polled while the connection was live");
  connection.emit("connecting");
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("a response that arrives after the reconnection is ignored", async (context) => {
  const { feed, service, connection, pass } = feedOf(context);
  const task = aTask();
  feed.connect();
  connection.live([task]);
  let answer;
  service.status = () => new Promise((resolve) => (answer = resolve));
  connection.emit("connecting");
  await pass(3200);
  connection.emit("connected");
  answer({ tasks: [], notFound: [task.taskId] });
  await settled();
  assert.ok(feed.get(task.taskId));
});

test("an aborted request doesn't make the feed offline", async (context) => {
  const { feed, service, connection, pass } = feedOf(context);
  let fail;
  service.list = () => new Promise((_, reject) => (fail = reject));
  feed.connect();
  await pass(3200);
  connection.emit("connected");
  connection.emit("connecting");
  fail(new TypeError("aborted"));
  await settled();
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("without a first connection the list is read once, and nothing while no task is active", async (context) => {
  const { feed, server, pass } = feedOf(context);
  server.tasks = [aTask({ status: "completed" })];
  feed.connect();
  await pass(56_000); // with any jitter, the next poll is some seconds away
  assert.deepEqual(server.requests, ["list"]);
  assert.deepEqual([feed.getSnapshot().tasks, feed.getSnapshot().loaded], [server.tasks, true]);
  const task = aTask();
  server.tasks = [task];
  feed.add(task);
  await pass(1100);
  assert.deepEqual(server.requests, ["list", [task.taskId]]);
});

test("the feed is offline while no request is answered, and polling once one is", async (context) => {
  const { feed, server, pass } = feedOf(context);
  server.down = true;
  feed.connect();
  await pass(3500);
  assert.equal(feed.getSnapshot().state, "offline");
  server.down = false;
  await pass(3000);
  assert.equal(feed.getSnapshot().state, "polling");
});

test("the feed is offline without a network, and listeners are notified", async (context) => {
  const { feed, environment } = feedOf(context);
  feed.connect();
  await settled();
  const states = [];
  feed.subscribe(() => states.push(feed.getSnapshot().state));
  const browser = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  environment.become(false);
  await settled();
  if (browser) Object.defineProperty(globalThis, "navigator", browser);
  else delete globalThis.navigator;
  assert.deepEqual(states, ["offline"]);
});

test("active tasks take turns if a request can't hold them all", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  server.tasks = Array.from({ length: 130 }, () => aTask());
  feed.connect();
  connection.live(server.tasks);
  connection.emit("connecting");
  await pass(6000);
  assert.equal(server.requests[0].length, 100);
  assert.equal(new Set([...server.requests[0], ...server.requests[1]]).size, 130);
});

test("a closed feed makes no requests", async (context) => {
  const { feed, server, environment, pass } = feedOf(context);
  feed.connect();
  feed.close();
  await pass(60_000);
  assert.deepEqual(server.requests, []);
  assert.equal(environment.listeners.size, 0);
});
