import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft, readable } from "../../static/client/draft.js";

/** @param {object} changes */
const piece = (changes) => ({ attempt: 1, step: "Writing", start: 0, text: "", ...changes });

test("pieces are joined in their order", () => {
  const draft = new Draft();
  assert.equal(draft.add(piece({ text: "one " })), true);
  assert.equal(draft.add(piece({ start: 4, text: "two" })), true);
  assert.equal(draft.current()[0].text, "one two");
});

test("a piece that is known changes nothing", () => {
  const draft = new Draft();
  for (const text of ["one ", "two"]) draft.add(piece({ start: text === "two" ? 4 : 0, text }));
  assert.equal(draft.add(piece({ start: 4, text: "two" })), false);
  assert.equal(draft.current()[0].text, "one two");
});

test("positions count characters, not the halves of an emoji", () => {
  const draft = new Draft();
  draft.add(piece({ text: "a🏺" }));
  assert.equal(draft.add(piece({ start: 2, text: "b" })), true);
  assert.equal(draft.current()[0].text, "a🏺b");
});

test("a hole is shown", () => {
  const draft = new Draft();
  draft.add(piece({ start: 7, text: "late" }));
  draft.add(piece({ start: 20, text: "later" }));
  assert.equal(draft.current()[0].text, "…late…later");
});

test("an answer begins anew when it is written again, and in another attempt", () => {
  const draft = new Draft();
  draft.add(piece({ text: "wrong" }));
  draft.add(piece({ text: "right" }));
  assert.equal(draft.current()[0].text, "right");
  draft.add(piece({ attempt: 2, start: 3, text: "second" }));
  assert.equal(draft.current()[0].text, "…second");
  assert.equal(draft.add(piece({ text: "of the first" })), false);
});

test("the parts of the newest step are shown in the order of their numbers", () => {
  const draft = new Draft();
  draft.add(piece({ step: "Thinking", text: "x" }));
  for (const part of ["week 10", "week 2"]) draft.add(piece({ part, text: part }));
  assert.deepEqual(
    draft.current().map(({ part }) => part),
    ["week 2", "week 10"],
  );
});

test("the newest step is the one that was written last, though it had been written before", () => {
  const draft = new Draft();
  for (const step of ["Thinking", "Writing"]) draft.add(piece({ step, text: "old" }));
  draft.add(piece({ step: "Thinking", attempt: 2, text: "new" }));
  assert.deepEqual(
    draft.current().map(({ text }) => text),
    ["new"],
  );
});

test("a JSON document can be read while it is written", () => {
  assert.deepEqual(readable('{"title":"Tea","tags":["a","b"],"n":3,"callToAction":"Try \\"i'), [
    { label: "Title", text: "Tea" },
    { label: "Tags", text: "a" },
    { label: "Tags", text: "b" },
    { label: "Call to action", text: 'Try "i' },
  ]);
});

test("wherever a document is cut, what is there can be read", () => {
  const whole = JSON.stringify({ title: 'a "b" \\ c\n', list: ["ü🏺", "\u0007"], deep: { text: "end" } });
  const last = readable(whole).map(({ text }) => text);
  assert.deepEqual(last, ['a "b" \\ c\n', "ü🏺", "\u0007", "end"]);
  for (let end = 0; end < whole.length; end += 1) {
    for (const [index, { text }] of readable(whole.slice(0, end)).entries()) {
      assert.ok(last.some((each) => each.startsWith(text)) || "listdeeptexttitle".includes(text), `${index}: ${text}`);
    }
  }
});
