import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldsOf } from "../../static/app/forms/fieldsOf.js";
import { payloadOf } from "../../static/app/forms/payloadOf.js";
import { placeErrors } from "../../static/app/forms/placeErrors.js";

/** The payload of a form for these properties, filled in with `[name, text]` pairs. */
function payload(properties, entries, required = []) {
  const form = new FormData();
  for (const [name, text] of entries) form.append(name, text);
  return payloadOf(fieldsOf({ type: "object", properties, required }), form);
}

const TEXT = { type: "string" };

test("values have the type of their schema", () => {
  const properties = {
    company: TEXT,
    weeks: { type: "integer" },
    tone: { enum: ["calm", 2] },
    urgent: { type: "boolean" },
    channels: { type: "array", items: { enum: ["press", "mail"] } },
    names: { type: "array", items: TEXT },
    sizes: { type: "array", items: { type: "number" } },
    more: {},
    kind: { const: "event" },
  };
  const entries = [
    ["company", " Acme "],
    ["weeks", "4"],
    ["tone", "2"],
    ["urgent", "on"],
    ["channels", '"press"'],
    ["channels", '"mail"'],
    ["names", "Ada, Countess\r\n\n Bo "],
    ["sizes", "1\n2.5\nbig"],
    ["more", '{"a": [1]}'],
  ];
  assert.deepEqual(payload(properties, entries), {
    company: "Acme",
    weeks: 4,
    tone: 2,
    urgent: true,
    channels: ["press", "mail"],
    names: ["Ada, Countess", "Bo"],
    sizes: [1, 2.5, "big"],
    more: { a: [1] },
    kind: "event",
  });
});

test("a local time is sent with its time zone", () => {
  const { at } = payload({ at: { type: "string", format: "date-time" } }, [["at", "2027-01-31T18:30"]]);
  assert.equal(Date.parse(at), new Date(2027, 0, 31, 18, 30).getTime());
  assert.match(at, /Z$/);
});

test("an empty field is left out, unless its schema needs a value or would put the default in its place", () => {
  const properties = {
    optional: TEXT,
    unchecked: { type: "boolean", default: false },
    turnedOff: { type: "boolean", default: true },
    nullable: { anyOf: [TEXT, { type: "null" }] },
    cleared: { ...TEXT, default: "hello" },
    clearedLimit: { anyOf: [{ type: "integer" }, { type: "null" }], default: 5 },
    clearedList: { type: "array", items: TEXT, default: ["mail"] },
    list: { type: "array", items: TEXT },
    optionalList: { type: "array", items: TEXT },
    settings: { type: "object", properties: { tone: TEXT } },
  };
  const expected = { turnedOff: false, nullable: null, cleared: "", clearedLimit: null, clearedList: [], list: [] };
  assert.deepEqual(payload(properties, [], ["nullable", "list"]), expected);
});

test("objects and lists of objects are nested", () => {
  const person = { type: "object", properties: { name: TEXT, topics: { type: "array", items: TEXT } }, required: ["name"] };
  const properties = { venue: person, speakers: { type: "array", items: person }, host: person };
  const entries = [
    ["venue", ""], // added
    ["venue/name", "Mill"],
    ["speakers/0", ""],
    ["speakers/0/name", "Ada"],
    ["speakers/1", ""],
    ["speakers/1/topics", "tea\nbells"],
  ];
  assert.deepEqual(payload(properties, entries), { venue: { name: "Mill" }, speakers: [{ name: "Ada" }, { topics: ["tea", "bells"] }] });
});

test("names with slashes are escaped as in JSON pointers", () => {
  assert.deepEqual(payload({ "a/b~c": TEXT }, [["a~1b~0c", "x"]]), { "a/b~c": "x" });
});

test("each error belongs to the field that its pointer names, or to the one around it", () => {
  const errors = [
    { pointer: "/payload/company", detail: "Too short" },
    { pointer: "/payload/names/1", detail: "Too long" },
    { pointer: "/payload/speakers/0/name", detail: "Must not be empty" },
    { pointer: "/payload/speakers/0/other", detail: "Unknown field" },
    { pointer: "/payload/secret", detail: "Unknown field" },
    { pointer: "/payload", detail: "Too many fields" },
  ];
  const { atFields, others } = placeErrors(errors, ["company", "names", "speakers", "speakers/0", "speakers/0/name"]);
  assert.deepEqual(Object.fromEntries(atFields), {
    company: "Too short",
    names: "Entry 2: Too long",
    "speakers/0/name": "Must not be empty",
    "speakers/0": "other: Unknown field",
  });
  assert.deepEqual(others, ["secret: Unknown field", "Too many fields"]);
});
