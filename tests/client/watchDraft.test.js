import assert from "node:assert/strict";
import { test } from "node:test";

import { aTask, feedOf, settled } from "./support.js";

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

test("a draft starts with the whole history, followed by the pieces that arrived in the meantime", async (context) => {
  const { texts, channel } = draftOf(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.push({ type: "task.progress", task: aTask() });
  channel.answer(piece(0, "a"), piece(1, "b"));
  await settled();
  channel.push(piece(3, "d"));
  assert.deepEqual(texts, ["ab", "abc", "abcd"]);
});

test("a draft continues without its history if that can't be read", async (context) => {
  const { texts, channel } = draftOf(context);
  channel.accept();
  channel.push(piece(2, "c"));
  channel.fail();
  await settled();
  assert.deepEqual(texts, ["…c"]);
});

test("a draft continues after a recovered connection, and is read again after any other", async (context) => {
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

test("an unwatched draft calls no listener, and can be watched again", async (context) => {
  const { texts, channel, watch, stop } = draftOf(context);
  channel.accept();
  stop();
  channel.answer(piece(0, "a"));
  await settled();
  assert.deepEqual(texts, []);
  watch();
});
