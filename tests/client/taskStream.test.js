import assert from "node:assert/strict";
import { test } from "node:test";

import { aTask, feedOf, settled } from "./support.js";

/** A watched task; `texts` has the text of its draft after each call of the listener. */
function watchedTask(context) {
  const { feed, connection } = feedOf(context);
  const texts = [];
  const watch = (listener = () => {}) => feed.watch("t", listener);
  const stop = watch(() => texts.push(feed.draft("t")[0]?.text));
  return { feed, connection, texts, watch, stop, channel: connection.subscriptions.get("task:t") };
}

/** A piece of a draft that starts at `start`. */
const piece = (start, text) => ({ type: "task.delta", attempt: 1, step: "Writing", start, text });
const emitted = (name, data) => ({ type: "task.emitted", attempt: 1, name, data });

test("a draft starts with the whole history, followed by the pieces that arrived in the meantime", async (context) => {
  const { texts, channel } = watchedTask(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.push({ type: "task.progress", task: aTask() });
  channel.answer(piece(0, "a"), piece(1, "b"));
  await settled();
  channel.push(piece(3, "d"));
  assert.deepEqual(texts, ["ab", "abc", "abcd"]);
});

test("a draft continues without its history if that can't be read", async (context) => {
  const { texts, channel } = watchedTask(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.fail();
  await settled();
  assert.deepEqual(texts, ["…c"]);
});

test("a draft continues after a recovered connection, and is read again after any other", async (context) => {
  const { texts, channel } = watchedTask(context);
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

test("a task that nobody watches calls no listener, and can be watched again", async (context) => {
  const { texts, channel, connection, watch, stop } = watchedTask(context);
  channel.accept();
  stop();
  channel.answer(piece(0, "a"));
  await settled();
  assert.deepEqual(texts, []);
  watch();
  assert.equal(connection.subscriptions.size, 1);
});

test("several listeners share one subscription, which ends with the last of them", async (context) => {
  const { texts, channel, connection, watch, stop } = watchedTask(context);
  const stopAnother = watch();
  channel.accept();
  channel.answer();
  await settled();
  stopAnother();
  stopAnother();
  channel.push(piece(0, "a"));
  assert.deepEqual(texts, ["a"]);
  stop();
  assert.equal(connection.subscriptions.size, 0);
});

test("a draft stays the same array until it changes", async (context) => {
  const { feed, channel } = watchedTask(context);
  assert.equal(feed.draft("t"), feed.draft("t"));
  channel.accept();
  channel.answer(piece(0, "a"));
  await settled();
  const before = feed.draft("t");
  assert.equal(feed.draft("t"), before);
  channel.push(piece(1, "b"));
  assert.notEqual(feed.draft("t"), before);
});

test("the newest emitted data of each name wins over the task's own copy, which follows later", async (context) => {
  const { feed, connection, channel } = watchedTask(context);
  const task = aTask({ taskId: "t", emitted: { score: 1, place: "a" } });
  feed.connect();
  connection.live([task]);
  assert.equal(feed.emitted("t", "score"), 1);
  channel.accept();
  channel.answer(emitted("score", 2), emitted("score", 3));
  await settled();
  assert.deepEqual([feed.emitted("t", "score"), feed.emitted("t", "place"), feed.emitted("t", "none")], [3, "a", undefined]);
  channel.push(emitted("score", 4));
  connection.push({ ...task, tick: 1, emitted: { score: 3 } });
  assert.equal(feed.emitted("t", "score"), 4);
});

test("while the WebSocket is down, and after the task has ended, the task's own copy of emitted data is newer", async (context) => {
  const { feed, connection, channel } = watchedTask(context);
  feed.connect();
  connection.live([aTask({ taskId: "t" })]);
  channel.accept();
  channel.answer(emitted("score", 1), emitted("other", 1));
  await settled();
  connection.emit("connecting");
  feed.add(aTask({ taskId: "t", tick: 1, emitted: { score: 2 } }));
  assert.deepEqual([feed.emitted("t", "score"), feed.emitted("t", "other")], [2, 1]);
  connection.emit("connected");
  assert.equal(feed.emitted("t", "score"), 1);
  feed.add(aTask({ taskId: "t", rev: 2, status: "completed", emitted: { score: 3 } }));
  assert.equal(feed.emitted("t", "score"), 3);
});

test("emitted data that may be outdated is dropped after a connection that wasn't recovered", async (context) => {
  const { feed, connection, channel } = watchedTask(context);
  feed.connect();
  connection.live([aTask({ taskId: "t", emitted: { score: 2 } })]);
  channel.accept();
  channel.answer(emitted("score", 1));
  await settled();
  channel.accept();
  channel.answer();
  await settled();
  assert.equal(feed.emitted("t", "score"), 2);
});
