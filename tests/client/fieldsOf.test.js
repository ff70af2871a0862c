import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldsOf } from "../../static/app/forms/fieldsOf.js";

/** The field for one property. */
function fieldOf(property, { required = false, name = "field", $defs = {} } = {}) {
  return fieldsOf({ type: "object", properties: { [name]: property }, required: required ? [name] : [], $defs })[0];
}

const SPEAKER = { type: "object", title: "KeySpeaker", properties: { name: { type: "string" } }, required: ["name"] };
const VENUE = { type: "object", title: "Venue", description: "Where.", properties: { city: { type: "string" } }, required: ["city"] };
const OPTIONAL_VENUE = { anyOf: [{ $ref: "#/$defs/Venue" }, { type: "null" }], default: null };

test("texts have the input that suits their format and length", () => {
  const kinds = [
    [{ type: "string" }, "text"],
    [{ type: "string", maxLength: 200 }, "text"],
    [{ type: "string", maxLength: 201 }, "textarea"],
    [{ type: "string", format: "markdown" }, "textarea"],
    [{ type: "string", format: "date" }, "date"],
    [{ type: "string", format: "date-time" }, "datetime-local"],
    [{ type: "string", format: "time" }, "time"],
    [{ type: "string", format: "email" }, "email"],
    [{ type: "string", format: "uri", maxLength: 2083 }, "url"],
    [{ type: "string", format: "uuid" }, "text"],
  ];
  assert.deepEqual(
    kinds.map(([property]) => fieldOf(property).kind),
    kinds.map(([, kind]) => kind),
  );
  assert.equal(fieldOf({ type: "string" }, { name: "product_description" }).kind, "textarea");
});

test("a field has its title, or the words of its name in place of a title made of it", () => {
  assert.equal(fieldOf({ type: "string", title: "Company or brand" }).label, "Company or brand");
  assert.equal(fieldOf({ type: "string", title: "Postsperweek" }, { name: "postsPerWeek" }).label, "Posts per week");
  assert.equal(fieldOf({ $ref: "#/$defs/Venue" }, { name: "mainVenue", $defs: { Venue: VENUE } }).label, "Main venue");
});

test("the hint has the description, the range, and whether the field is optional", () => {
  assert.equal(fieldOf({ type: "integer", description: "How many.", minimum: 1, maximum: 14 }).hint, "How many · 1 to 14 · optional");
  assert.equal(fieldOf({ type: "integer", default: 3 }).hint, undefined);
  assert.equal(fieldOf({ type: "string" }, { required: true }).hint, undefined);
});

test("whole numbers have whole limits, and the step of a multiple", () => {
  const { min, max, step } = fieldOf({ type: "integer", exclusiveMinimum: 0, maximum: 9 });
  assert.deepEqual([min, max, step], [1, 9, 1]);
  assert.equal(fieldOf({ type: "integer", multipleOf: 5 }).step, 5);
  assert.equal(fieldOf({ type: "number", minimum: 0.5 }).step, "any");
  assert.equal(fieldOf({ anyOf: [{ type: "number" }, { type: "string", pattern: "^\\d" }, { type: "null" }] }).kind, "number");
});

test("a pattern matches any part of the text, as in JSON Schema", () => {
  const { pattern } = fieldOf({ type: "string", pattern: "[A-Z]{3}-\\d" });
  const html = new RegExp(`^(?:${pattern})$`, "v");
  assert.deepEqual([html.test("code ABC-1!"), html.test("ABC")], [true, false]);
  assert.equal(fieldOf({ type: "string", pattern: "(?P<year>x)" }).pattern, undefined);
});

test("an enumeration is a choice, also behind a reference, and so is a list of one", () => {
  const $defs = { Tone: { type: "string", enum: ["calm", "very_bold"], title: "Tone" } };
  const choices = [
    { value: "calm", label: "Calm" },
    { value: "very_bold", label: "Very bold" },
  ];
  const tone = fieldOf({ $ref: "#/$defs/Tone", default: "calm" }, { $defs });
  assert.deepEqual([tone.kind, tone.choices, tone.value], ["select", choices, "calm"]);
  const tones = fieldOf({ type: "array", items: { $ref: "#/$defs/Tone" } }, { $defs });
  assert.deepEqual([tones.kind, tones.choices], ["checkboxes", choices]);
  const titled = fieldOf({ oneOf: [{ const: 1, title: "One" }, { const: 2 }] });
  assert.deepEqual(titled.choices, [
    { value: 1, label: "One" },
    { value: 2, label: "2" },
  ]);
});

test("a boolean is a checkbox, and one that may be null a choice", () => {
  assert.equal(fieldOf({ type: "boolean", default: true }).kind, "checkbox");
  assert.equal(fieldOf({ anyOf: [{ type: "boolean" }, { type: "null" }] }).kind, "select");
});

test("a list of texts is entered line by line, and a list of objects one by one", () => {
  const names = fieldOf({ type: "array", items: { type: "string" } });
  assert.deepEqual([names.kind, names.list], ["textarea", "lines"]);
  const numbers = fieldOf({ type: "array", items: { type: "integer" } });
  assert.deepEqual([numbers.kind, numbers.list], ["number", "lines"]);
  const speakers = fieldOf({ type: "array", items: { $ref: "#/$defs/Speaker" }, minItems: 1, maxItems: 4 }, { $defs: { Speaker: SPEAKER } });
  assert.deepEqual([speakers.kind, speakers.item, speakers.minItems, speakers.maxItems], ["items", "Key speaker", 1, 4]);
  assert.equal(speakers.fields[0].label, "Name");
});

test("an object is a group; one that may be left out is added only if it has required fields", () => {
  const $defs = { Venue: VENUE };
  const optional = fieldOf(OPTIONAL_VENUE, { $defs });
  assert.deepEqual([optional.kind, optional.canAdd, optional.hint], ["group", true, "Where · optional"]);
  assert.equal(fieldOf({ $ref: "#/$defs/Venue" }, { $defs, required: true }).canAdd, false);
  assert.equal(fieldOf({ type: "object", properties: { city: { type: "string" } } }).canAdd, false);
});

test("what has no better field is entered as JSON", () => {
  const properties = [
    { type: "object", additionalProperties: { type: "string" } },
    { anyOf: [{ type: "integer" }, { type: "string" }, { type: "boolean" }] },
    { anyOf: [{ $ref: "#/$defs/Speaker" }, { $ref: "#/$defs/Venue" }] },
    { type: "array", prefixItems: [{ type: "integer" }] },
    { type: "array", items: { type: "array", items: { type: "string" } } },
    {},
    true,
  ];
  const $defs = { Speaker: SPEAKER, Venue: VENUE };
  assert.deepEqual(new Set(properties.map((property) => fieldOf(property, { $defs }).kind)), new Set(["json"]));
});

test("a schema that contains itself ends in a field for JSON", () => {
  const Node = { type: "object", properties: { children: { type: "array", items: { $ref: "#/$defs/Node" } } } };
  let [field] = fieldsOf({ $ref: "#/$defs/Node", $defs: { Node } });
  while (field.kind === "items") [field] = field.fields;
  assert.equal(field.kind, "json");
});

test("a constant is sent and not shown", () => {
  const { kind, value } = fieldOf({ const: "event", default: "event" });
  assert.deepEqual([kind, value], ["constant", "event"]);
});
