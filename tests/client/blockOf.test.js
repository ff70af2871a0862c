import assert from "node:assert/strict";
import { test } from "node:test";

import { blockOf } from "../../static/app/results/blockOf.js";
import { tableOf } from "../../static/app/results/tableOf.js";

const LONG = "A sentence with a good number of words. ".repeat(5).trim();
const SLOTS = [
  { time: "18:00", seats: 40 },
  { time: "19:00", seats: 1200, topics: ["tea", "bells"], speaker: null },
];

test("short values are facts, long ones prose, and lists stay lists", () => {
  const { title, parts } = blockOf({ headline: "Acme flies", author: "Ada", body: `${LONG}\n\nEnd.`, tags: ["a", "b"] });
  assert.equal(title, "Acme flies");
  assert.deepEqual(parts, [
    { label: "Author", block: { is: "text", text: "Ada" } },
    { label: "", block: { is: "prose", paragraphs: [LONG, "End."] } },
    { label: "Tags", block: { is: "list", items: [{ is: "text", text: "a" }, { is: "text", text: "b" }] } },
  ]);
});

test("a list of long texts is prose", () => {
  assert.deepEqual(blockOf([LONG, "Short."]), { is: "prose", paragraphs: [LONG, "Short."] });
});

test("labels and order come from the schema, and what it doesn't describe comes last", () => {
  const schema = { $ref: "#/$defs/R", $defs: { R: { properties: { second: { title: "The 2nd" }, firstName: {} } } } };
  const { parts } = blockOf({ firstName: "a", extra_field: 1, second: "b" }, schema);
  assert.deepEqual(parts.map(({ label }) => label), ["The 2nd", "First name", "Extra field"]);
});

test("the keys of a mapping are data", () => {
  const { parts } = blockOf({ de_DE: "Hallo" }, { type: "object", additionalProperties: { type: "string" } });
  assert.equal(parts[0].label, "de_DE");
});

test("a list of flat objects is a table with all their fields", () => {
  const block = blockOf(SLOTS);
  assert.deepEqual(block.columns, [
    { label: "Time", isNumber: false },
    { label: "Seats", isNumber: true },
    { label: "Topics", isNumber: false },
  ]);
  assert.deepEqual(block.rows.map((row) => row.map((cell) => cell?.text)), [
    ["18:00", "40", undefined],
    ["19:00", "1200", "tea, bells"],
  ]);
});

test("objects with long texts or nested objects are sections, named by their title or number", () => {
  const schema = { type: "array", items: { title: "Chapter", type: "object" } };
  const block = blockOf([{ heading: "Before", text: LONG }, { text: LONG, by: { name: "Ada" } }], schema);
  assert.equal(block.is, "sections");
  assert.deepEqual(block.sections.map(({ title }) => title), ["Before", "Chapter 2"]);
});

test("only links to web pages and e-mail addresses are links", () => {
  const kinds = [["https://a.example/b/", {}], ["javascript:alert(1)", { format: "uri" }], ["ada@a.example", { format: "email" }], ["ada@a.example", {}]];
  assert.deepEqual(
    kinds.map(([value, schema]) => blockOf(value, schema).value),
    ["https://a.example/b/", undefined, "mailto:ada@a.example", undefined],
  );
});

test("dates, choices and booleans are in words", () => {
  assert.match(blockOf("2026-09-01", { format: "date" }).text, /September/);
  assert.equal(blockOf("2026-13-45", { format: "date" }).text, "2026-13-45");
  assert.equal(blockOf("very_bold", { enum: ["very_bold"] }).text, "Very bold");
  assert.equal(blockOf(false).text, "No");
});

test("empty values are left out", () => {
  assert.equal(blockOf({ a: null, b: "", c: [], d: {}, e: [{}] }), null);
  assert.deepEqual([null, "", [], {}].map((value) => blockOf(value)), [null, null, null, null]);
});

test("the only list of flat objects can be saved as a table", () => {
  const schema = { properties: { plan: { properties: { slots: { items: { $ref: "#/$defs/Slot" } } } } }, $defs: { Slot: { properties: { time: { title: "Begins" } } } } };
  assert.deepEqual(tableOf({ plan: { slots: SLOTS } }, schema), { rows: SLOTS, columns: { time: "Begins", seats: "Seats", topics: "Topics" } });
  assert.equal(tableOf({ a: SLOTS, b: SLOTS }, {}), undefined);
  assert.equal(tableOf({ a: ["x"] }, {}), undefined);
});
