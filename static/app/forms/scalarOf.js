/** @typedef {import("../schema.js").Schema} Schema */
/** @typedef {import("./field.js").Field} Field */

const LONG = 200;
const LONG_FORMATS = ["markdown", "multiline", "textarea", "html"];
/** Texts that are usually long, for schemas without a limit. */
const LONG_NAME = /(^|_)(about|background|body|brief|comments?|content|context|description|instructions?|message|notes?|objective|prompt|story|summary|texts?)$/i;
/** @type {Record<string, import("./field.js").Kind>} */
const KINDS = { date: "date", "date-time": "datetime-local", time: "time", email: "email", uri: "url", password: "password", color: "color" };

/**
 * The field for a text, a number or a boolean.
 * @param {string} name
 * @param {Schema} schema resolved
 * @returns {Partial<Field> | undefined} undefined if the value is something else
 */
export function scalarOf(name, schema) {
  const number = numberIn(schema);
  if (number) return numberOf(number, schema);
  if (schema.type === "boolean") return { kind: "checkbox" };
  if (schema.type !== "string") return undefined;
  const { minLength, maxLength } = schema;
  const example = typeof schema.examples?.[0] === "string" ? schema.examples[0] : undefined;
  const kind = KINDS[schema.format];
  if (kind && kind !== "email" && kind !== "url") return { kind, min: schema.formatMinimum, max: schema.formatMaximum };
  const isLong = maxLength > LONG || LONG_FORMATS.includes(schema.format) || (maxLength === undefined && LONG_NAME.test(name));
  if (isLong && !kind) return { kind: "textarea", minLength, maxLength, example };
  return { kind: kind ?? "text", minLength, maxLength, example, pattern: patternOf(schema.pattern) };
}

/** @param {Schema} schema @returns {Schema | undefined} the schema of a number; a `Decimal` may be a text as well */
function numberIn(schema) {
  if (schema.type === "integer" || schema.type === "number") return schema;
  const types = schema.anyOf?.map((/** @type {Schema} */ each) => each.type) ?? [];
  return types.length === 2 && types.includes("string") ? schema.anyOf.find((/** @type {Schema} */ each) => each.type === "number") : undefined;
}

/** @param {Schema} number @param {Schema} schema with the examples @returns {Partial<Field>} */
function numberOf({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }, { examples }) {
  const isWhole = type === "integer";
  const min = minimum ?? (isWhole && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : undefined);
  const max = maximum ?? (isWhole && exclusiveMaximum !== undefined ? exclusiveMaximum - 1 : undefined);
  const step = multipleOf && (min ?? 0) % multipleOf === 0 ? multipleOf : isWhole ? 1 : "any"; // browsers count steps from `min`
  return { kind: "number", min, max, step, example: typeof examples?.[0] === "number" ? String(examples[0]) : undefined };
}

/** @param {string | undefined} pattern that matches any part of a text @returns {string | undefined} for the whole text, in HTML's dialect */
function patternOf(pattern) {
  if (!pattern) return undefined;
  const whole = `.*(?:${pattern}).*`;
  try {
    new RegExp(whole, "v");
    return whole;
  } catch {
    return undefined; // the server checks it
  }
}
