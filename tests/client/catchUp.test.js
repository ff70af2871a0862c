import assert from "node:assert/strict";
import { test } from "node:test";

import { aTask, feedOf } from "./support.js";

test("a truncated snapshot removes nothing, and the rest is read once while the connection stays live", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const [gone, over, older, newer] = [aTask(), aTask(), aTask(), aTask()];
  feed.connect();
  connection.live([gone, over]);
  server.tasks = [{ ...over, rev: 2, status: "completed" }, older, newer];
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  assert.deepEqual(feed.getSnapshot().tasks, [newer, over, gone]);
  await pass(60_000);
  assert.deepEqual(server.requests, [`list queued,processing,retrying after ${newer.taskId}`, [gone.taskId, over.taskId]]);
  assert.deepEqual(feed.getSnapshot().tasks.map(({ taskId }) => taskId), [newer, older, over].map(({ taskId }) => taskId));
  assert.deepEqual([feed.get(over.taskId).status, feed.getSnapshot().state], ["completed", "live"]);
});

test("after catching up, a lost connection waits again before it polls", async (context) => {
  const { feed, connection, server, environment, pass } = feedOf(context);
  const [older, newer] = (server.tasks = [aTask(), aTask()]);
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  await pass(500);
  connection.emit("connecting");
  environment.become(true);
  await pass(2900);
  assert.equal(server.requests.length, 1);
  await pass(400);
  assert.deepEqual(server.requests.slice(1), [[newer.taskId, older.taskId]]);
});

test("a recovered connection reads nothing", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  feed.connect();
  connection.live([aTask()]);
  connection.emit("connecting");
  connection.emit("connected");
  connection.emit("subscribed", { recovered: true });
  await pass(60_000);
  assert.deepEqual(server.requests, []);
});

test("a failed catch-up doesn't make a lost connection offline at once", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  server.down = true;
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [], truncated: true, after: "t" } });
  await pass(500);
  connection.emit("connecting");
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("the rest of a truncated snapshot is read in pages, and again after a failure", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  server.tasks = Array.from({ length: 450 }, () => aTask());
  const [newest] = server.tasks.slice(-1);
  server.down = true;
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [newest], truncated: true, after: newest.taskId } });
  await pass(500);
  server.down = false;
  await pass(3000);
  assert.equal(feed.getSnapshot().tasks.length, 450);
  const before = server.requests.length;
  await pass(60_000);
  assert.equal(server.requests.length, before, "it polled after it had caught up");
});

test("without a snapshot, the list and all older active tasks are read", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const old = aTask();
  server.tasks = [old, ...Array.from({ length: 250 }, () => aTask({ status: "completed" }))];
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { recovered: false });
  await pass(500);
  assert.equal(feed.get(old.taskId), old);
  await pass(60_000);
  assert.deepEqual(server.requests, ["list", `list queued,processing,retrying after ${server.tasks[51].taskId}`]);
});

test("a list that arrives after the reconnection doesn't replace the snapshot's cursor", async (context) => {
  const { feed, service, connection, server, pass } = feedOf(context);
  const [older, newer] = (server.tasks = [aTask(), aTask()]);
  const { list } = service;
  let answer;
  service.list = () => new Promise((resolve) => (answer = resolve));
  feed.connect();
  await pass(3200);
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  service.list = list;
  answer({ tasks: [] });
  await pass(500);
  assert.equal(feed.get(older.taskId), older);
});
