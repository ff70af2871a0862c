import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft, readTexts } from "../../static/client/draft.js";

/** @param {object} changes */
const piece = (changes) => ({ attempt: 1, step: "Writing", start: 0, text: "", ...changes });

test("pieces are joined in order", () => {
  const draft = new Draft();
  assert.equal(draft.add(piece({ text: "one " })), true);
  assert.equal(draft.add(piece({ start: 4, text: "two" })), true);
  assert.equal(draft.current()[0].text, "one two");
});

test("a known piece changes nothing", () => {
  const draft = new Draft();
  for (const text of ["one ", "two"]) draft.add(piece({ start: text === "two" ? 4 : 0, text }));
  assert.equal(draft.add(piece({ start: 4, text: "two" })), false);
  assert.equal(draft.current()[0].text, "one two");
});

test("positions count Unicode characters, not UTF-16 units", () => {
  const draft = new Draft();
  draft.add(piece({ text: "a🏺" }));
  assert.equal(draft.add(piece({ start: 2, text: "b" })), true);
  assert.equal(draft.current()[0].text, "a🏺b");
});

test("a gap is marked by an ellipsis", () => {
  const draft = new Draft();
  draft.add(piece({ start: 7, text: "late" }));
  draft.add(piece({ start: 20, text: "later" }));
  assert.equal(draft.current()[0].text, "…late…later");
});

test("an answer starts over at position 0 and in a later attempt", () => {
  const draft = new Draft();
  draft.add(piece({ text: "wrong" }));
  draft.add(piece({ text: "right" }));
  assert.equal(draft.current()[0].text, "right");
  draft.add(piece({ attempt: 2, start: 3, text: "second" }));
  assert.equal(draft.current()[0].text, "…second");
  assert.equal(draft.add(piece({ text: "of the first" })), false);
});

test("the parts of the current step are sorted by number", () => {
  const draft = new Draft();
  draft.add(piece({ step: "Thinking", text: "x" }));
  for (const part of ["week 10", "week 2"]) draft.add(piece({ part, text: part }));
  assert.deepEqual(
    draft.current().map(({ part }) => part),
    ["week 2", "week 10"],
  );
});

test("the current step is the one written last, even if it was written before", () => {
  const draft = new Draft();
  for (const step of ["Thinking", "Writing"]) draft.add(piece({ step, text: "old" }));
  draft.add(piece({ step: "Thinking", attempt: 2, text: "new" }));
  assert.deepEqual(
    draft.current().map(({ text }) => text),
    ["new"],
  );
});

test("texts are extracted from an unfinished JSON document", () => {
  assert.deepEqual(readTexts('{"title":"Tea","tags":["a","b"],"n":3,"callToAction":"Try \\"i'), [
    { label: "Title", text: "Tea" },
    { label: "Tags", text: "a" },
    { label: "Tags", text: "b" },
    { label: "Call to action", text: 'Try "i' },
  ]);
});

test("texts are extracted wherever the document is cut off", () => {
  const whole = JSON.stringify({ title: 'a "b" \\ c\n', list: ["ü🏺", "\u0007"], deep: { text: "end" } });
  const last = readTexts(whole).map(({ text }) => text);
  assert.deepEqual(last, ['a "b" \\ c\n', "ü🏺", "\u0007", "end"]);
  for (let end = 0; end < whole.length; end += 1) {
    for (const [index, { text }] of readTexts(whole.slice(0, end)).entries()) {
      assert.ok(last.some((each) => each.startsWith(text)) || "listdeeptexttitle".includes(text), `${index}: ${text}`);
    }
  }
});
