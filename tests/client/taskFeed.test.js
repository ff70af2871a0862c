import assert from "node:assert/strict";
import { test } from "node:test";

import { isActive } from "../../static/client/task.js";
import { aTask, feedOf, settled } from "./support.js";

test("snapshots and events are merged, and an old state never wins", async (context) => {
  const { feed, connection } = feedOf(context);
  const task = aTask({ rev: 3 });
  feed.connect();
  assert.deepEqual([feed.getSnapshot().state, feed.getSnapshot().loaded], ["connecting", false]);
  connection.live([task]);
  connection.push({ ...task, tick: 2, progress: 20 });
  connection.push({ ...task, tick: 1, progress: 10 });
  connection.push({ ...task, rev: 2, tick: 9, progress: 5 });
  assert.equal(feed.get(task.taskId).progress, 20);
  assert.deepEqual([feed.getSnapshot().state, feed.getSnapshot().loaded], ["live", true]);
});

test("a snapshot stays the same until something changes, and changes that happen together notify once", async (context) => {
  const { feed, connection } = feedOf(context);
  const task = aTask();
  feed.connect();
  connection.live([task]);
  await settled();
  let calls = 0;
  const stop = feed.subscribe(() => (calls += 1));
  const before = feed.getSnapshot();
  assert.equal(feed.getSnapshot(), before);
  for (const tick of [1, 2, 3]) connection.push({ ...task, tick });
  connection.push({ ...task, tick: 3 });
  await settled();
  assert.equal(calls, 1);
  assert.notEqual(feed.getSnapshot(), before);
  stop();
  connection.push({ ...task, tick: 4 });
  await settled();
  assert.equal(calls, 1);
});

test("an active task that a new snapshot doesn't contain is removed; an ended task stays", (context) => {
  const { feed, connection } = feedOf(context);
  const [gone, ended] = [aTask(), aTask({ status: "completed" })];
  feed.connect();
  connection.live([gone, ended]);
  connection.live([]);
  assert.deepEqual(feed.getSnapshot().tasks, [ended]);
});

test("an unknown status is active until the task has ended", (context) => {
  const { feed, connection } = feedOf(context);
  const [paused, skipped] = [aTask({ status: "paused" }), aTask({ status: "skipped", completedAt: "2026-11-24T11:21:53Z" })];
  assert.deepEqual([isActive(paused), isActive(skipped)], [true, false]);
  feed.connect();
  connection.live([paused, skipped]);
  connection.live([]);
  assert.deepEqual(feed.getSnapshot().tasks, [skipped]);
});
