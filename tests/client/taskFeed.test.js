import assert from "node:assert/strict";
import { test } from "node:test";

import { isActive, isNewer, overallProgress } from "../../static/client/task.js";
import { TaskFeed } from "../../static/client/taskFeed.js";
import { FakeConnection, FakeSurroundings, aTask, settled } from "./support.js";

/** A feed on a fake connection; `server.tasks` is what HTTP would answer with, `server.asked` what it was asked. */
function feedOf(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const server = { tasks: [], asked: [], down: false };
  const answer = async (asked, tasks) => {
    server.asked.push(asked);
    if (server.down) throw new TypeError("network");
    return tasks;
  };
  const service = {
    list: async ({ status, after, limit }) => {
      const older = server.tasks.filter(({ taskId }) => !after || taskId < after).sort((a, b) => (a.taskId < b.taskId ? 1 : -1));
      const tasks = older.filter((task) => !status || status.includes(task.status)).slice(0, limit);
      const asked = `list${status ? ` ${status}` : ""}${after ? ` after ${after}` : ""}`;
      return answer(asked, { tasks, ...(tasks.length === limit && { after: tasks.at(-1).taskId }) });
    },
    status: (ids) =>
      answer(ids, {
        tasks: server.tasks.filter(({ taskId }) => ids.includes(taskId)),
        notFound: ids.filter((id) => !server.tasks.some(({ taskId }) => taskId === id)),
      }),
  };
  const connection = new FakeConnection();
  const surroundings = new FakeSurroundings();
  const feed = new TaskFeed({ url: "", getToken: async () => "", service, surroundings, connection });
  const pass = async (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      context.mock.timers.tick(100);
      await settled();
    }
  };
  return { feed, connection, server, surroundings, pass };
}

test("the greater pair of rev and tick is the newer one", () => {
  assert.equal(isNewer({ rev: 1, tick: 0 }, undefined), true);
  assert.equal(isNewer({ rev: 2, tick: 0 }, { rev: 1, tick: 9 }), true);
  assert.equal(isNewer({ rev: 1, tick: 9 }, { rev: 2, tick: 0 }), false);
  assert.equal(isNewer({ rev: 1, tick: 1 }, { rev: 1, tick: 1 }), false);
});

test("snapshot and events are merged, and an old state never wins", async (context) => {
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

test("a snapshot stays the same until something changes, and listeners are told once for what comes together", async (context) => {
  const { feed, connection } = feedOf(context);
  const task = aTask();
  feed.connect();
  connection.live([task]);
  await settled();
  let told = 0;
  const stop = feed.subscribe(() => (told += 1));
  const before = feed.getSnapshot();
  assert.equal(feed.getSnapshot(), before);
  for (const tick of [1, 2, 3]) connection.push({ ...task, tick });
  connection.push({ ...task, tick: 3 });
  await settled();
  assert.equal(told, 1);
  assert.notEqual(feed.getSnapshot(), before);
  stop();
  connection.push({ ...task, tick: 4 });
  await settled();
  assert.equal(told, 1);
});

test("a task that a new snapshot does not know is gone; one that has ended stays", (context) => {
  const { feed, connection } = feedOf(context);
  const [gone, ended] = [aTask(), aTask({ status: "completed" })];
  feed.connect();
  connection.live([gone, ended]);
  connection.live([]);
  assert.deepEqual(feed.getSnapshot().tasks, [ended]);
});

test("a truncated snapshot removes nothing, and what it leaves out is read once, though the connection is live", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const [gone, over, older, newer] = [aTask(), aTask(), aTask(), aTask()];
  feed.connect();
  connection.live([gone, over]);
  server.tasks = [{ ...over, rev: 2, status: "completed" }, older, newer];
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  assert.deepEqual(feed.getSnapshot().tasks, [newer, over, gone]);
  await pass(60_000);
  assert.deepEqual(server.asked, [`list queued,processing,retrying after ${newer.taskId}`, [gone.taskId, over.taskId]]);
  assert.deepEqual(feed.getSnapshot().tasks.map(({ taskId }) => taskId), [newer, older, over].map(({ taskId }) => taskId));
  assert.deepEqual([feed.get(over.taskId).status, feed.getSnapshot().state], ["completed", "live"]);
});

test("once all is known, a lost connection is given its time again before anything is asked for", async (context) => {
  const { feed, connection, server, surroundings, pass } = feedOf(context);
  const [older, newer] = (server.tasks = [aTask(), aTask()]);
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  await pass(500);
  connection.emit("connecting");
  surroundings.become(true);
  await pass(2900);
  assert.equal(server.asked.length, 1);
  await pass(400);
  assert.deepEqual(server.asked.slice(1), [[newer.taskId, older.taskId]]);
});

test("a connection that is recovered reads nothing", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  feed.connect();
  connection.live([aTask()]);
  connection.emit("connecting");
  connection.emit("connected");
  connection.emit("subscribed", { recovered: true });
  await pass(60_000);
  assert.deepEqual(server.asked, []);
});

test("a failure to read what is missing does not make a lost connection offline at once", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  server.down = true;
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [], truncated: true, after: "t" } });
  await pass(500);
  connection.emit("connecting");
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("what a truncated snapshot leaves out is read in pages, and again after a failure", async (context) => {
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
  const asked = server.asked.length;
  await pass(60_000);
  assert.equal(server.asked.length, asked, "it was asked although everything is known");
});

test("where no snapshot is pushed, the list and all older active tasks are read", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const old = aTask();
  server.tasks = [old, ...Array.from({ length: 250 }, () => aTask({ status: "completed" }))];
  feed.connect();
  connection.emit("connected");
  connection.emit("subscribed", { recovered: false });
  await pass(500);
  assert.equal(feed.get(old.taskId), old);
  await pass(60_000);
  assert.deepEqual(server.asked, ["list", `list queued,processing,retrying after ${server.tasks[51].taskId}`]);
});

test("tasks that are queued, processing or retrying are active", () => {
  const statuses = ["queued", "processing", "retrying", "completed", "failed", "cancelled"];
  assert.deepEqual(
    statuses.filter((status) => isActive(aTask({ status }))),
    ["queued", "processing", "retrying"],
  );
});

test("the overall progress is the mean, and 0 without tasks", () => {
  assert.equal(overallProgress([aTask({ progress: 50 }), aTask({ progress: 99 })]), 74);
  assert.equal(overallProgress([]), 0);
});

test("a status that only a newer server knows is active until the task has ended", (context) => {
  const { feed, connection } = feedOf(context);
  const [paused, skipped] = [aTask({ status: "paused" }), aTask({ status: "skipped", completedAt: "2026-11-24T11:21:53Z" })];
  assert.deepEqual([isActive(paused), isActive(skipped)], [true, false]);
  feed.connect();
  connection.live([paused, skipped]);
  connection.live([]);
  assert.deepEqual(feed.getSnapshot().tasks, [skipped]);
});

test("without a connection the active tasks are asked for, all in one request, until it is back", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const [one, two, ended] = [aTask(), aTask(), aTask({ status: "failed" })];
  feed.connect();
  connection.live([one, two, ended]);
  connection.emit("connecting");
  await pass(2900);
  assert.deepEqual(server.asked, [], "it was asked though the connection may be back any moment");
  server.tasks = [{ ...one, tick: 5, progress: 50 }, two];
  await pass(400);
  assert.deepEqual(server.asked, [[one.taskId, two.taskId]]);
  assert.deepEqual([feed.get(one.taskId).progress, feed.getSnapshot().state], [50, "polling"]);
  connection.emit("connected");
  assert.equal(feed.getSnapshot().state, "live");
  await pass(60_000);
  assert.equal(server.asked.length, 1, "it was asked although the connection is live");
  connection.emit("connecting");
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("an answer that comes when the connection is back is not taken", async (context) => {
  const { feed, connection, pass } = feedOf(context);
  const task = aTask();
  feed.connect();
  connection.live([task]);
  let answer;
  feed.service.status = () => new Promise((resolve) => (answer = resolve));
  connection.emit("connecting");
  await pass(3200);
  connection.emit("connected");
  answer({ tasks: [], notFound: [task.taskId] });
  await settled();
  assert.ok(feed.get(task.taskId));
});

test("a list that arrives when the connection is back does not replace the cursor of the snapshot", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  const [older, newer] = (server.tasks = [aTask(), aTask()]);
  const { list } = feed.service;
  let answer;
  feed.service.list = () => new Promise((resolve) => (answer = resolve));
  feed.connect();
  await pass(3200);
  connection.emit("connected");
  connection.emit("subscribed", { data: { tasks: [newer], truncated: true, after: newer.taskId } });
  feed.service.list = list;
  answer({ tasks: [] });
  await pass(500);
  assert.equal(feed.get(older.taskId), older);
});

test("a request that was aborted does not make the feed offline", async (context) => {
  const { feed, connection, pass } = feedOf(context);
  let fail;
  feed.service.list = () => new Promise((_, reject) => (fail = reject));
  feed.connect();
  await pass(3200);
  connection.emit("connected");
  connection.emit("connecting");
  fail(new TypeError("aborted"));
  await settled();
  assert.equal(feed.getSnapshot().state, "connecting");
});

test("a page that never had a connection reads the list first, and nothing while nothing runs", async (context) => {
  const { feed, server, pass } = feedOf(context);
  server.tasks = [aTask({ status: "completed" })];
  feed.connect();
  await pass(56_000); // whatever the jitter, the next check is some seconds away
  assert.deepEqual(server.asked, ["list"]);
  assert.deepEqual([feed.getSnapshot().tasks, feed.getSnapshot().loaded], [server.tasks, true]);
  const task = aTask();
  server.tasks = [task];
  feed.add(task);
  await pass(1100);
  assert.deepEqual(server.asked, ["list", [task.taskId]]);
});

test("when nobody answers it is offline, and polling as soon as somebody does", async (context) => {
  const { feed, server, pass } = feedOf(context);
  server.down = true;
  feed.connect();
  await pass(3500);
  assert.equal(feed.getSnapshot().state, "offline");
  server.down = false;
  await pass(3000);
  assert.equal(feed.getSnapshot().state, "polling");
});

test("without a network it is offline, and listeners are called", async (context) => {
  const { feed, surroundings } = feedOf(context);
  feed.connect();
  await settled();
  const states = [];
  feed.subscribe(() => states.push(feed.getSnapshot().state));
  const browser = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  surroundings.become(false);
  await settled();
  if (browser) Object.defineProperty(globalThis, "navigator", browser);
  else delete globalThis.navigator;
  assert.deepEqual(states, ["offline"]);
});

test("more tasks than fit into a request take turns", async (context) => {
  const { feed, connection, server, pass } = feedOf(context);
  server.tasks = Array.from({ length: 130 }, () => aTask());
  feed.connect();
  connection.live(server.tasks);
  connection.emit("connecting");
  await pass(6000);
  assert.equal(server.asked[0].length, 100);
  assert.equal(new Set([...server.asked[0], ...server.asked[1]]).size, 130);
});

/** A watched draft; `texts` has its text after each call of the listener. */
function draftOf(context) {
  const { feed, connection } = feedOf(context);
  const texts = [];
  const watch = () => feed.watchDraft("t", (draft) => texts.push(draft.current()[0].text));
  const stop = watch();
  return { texts, watch, stop, channel: connection.subscriptions.get("task:t") };
}

/** A piece of a draft that starts at `start`. */
const piece = (start, text) => ({ type: "task.delta", attempt: 1, step: "Writing", start, text });

test("a draft starts with the whole history, and pieces that arrive meanwhile come after it", async (context) => {
  const { texts, channel } = draftOf(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.push({ type: "task.progress", task: aTask() });
  channel.answer(piece(0, "a"), piece(1, "b"));
  await settled();
  channel.push(piece(3, "d"));
  assert.deepEqual(texts, ["ab", "abc", "abcd"]);
});

test("a draft goes on without its history where that cannot be read", async (context) => {
  const { texts, channel } = draftOf(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.fail();
  await settled();
  assert.deepEqual(texts, ["…c"]);
});

test("a draft goes on after a recovered connection, and is read again after another one", async (context) => {
  const { texts, channel } = draftOf(context);
  channel.accept();
  channel.answer(piece(0, "a"));
  await settled();
  channel.accept({ recovered: true });
  channel.push(piece(1, "b"));
  channel.accept();
  channel.push(piece(3, "d"));
  channel.answer(piece(0, "a"), piece(1, "b"), piece(2, "c"));
  await settled();
  assert.deepEqual(texts.slice(0, 2), ["a", "ab"]);
  assert.equal(texts.at(-1), "abcd");
});

test("a draft that is no longer watched calls nobody, and can be watched again", async (context) => {
  const { texts, channel, watch, stop } = draftOf(context);
  channel.accept();
  stop();
  channel.answer(piece(0, "a"));
  await settled();
  assert.deepEqual(texts, []);
  watch();
});

test("a closed feed asks nobody", async (context) => {
  const { feed, server, surroundings, pass } = feedOf(context);
  feed.connect();
  feed.close();
  await pass(60_000);
  assert.deepEqual(server.asked, []);
  assert.equal(surroundings.listeners.size, 0);
});
