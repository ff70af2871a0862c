import { choicesOf, isObject, labelOf, nounOf, resolve } from "../schema.js";
import { scalarOf } from "./scalarOf.js";

/** @typedef {import("../schema.js").Schema} Schema */
/** @typedef {import("./field.js").Field} Field */

const MAX_DEPTH = 5;

/**
 * The fields of a form for a JSON Schema. A value that they can't express has a field for JSON.
 * @param {Schema} schema of an object
 * @returns {Field[]}
 */
export function fieldsOf(schema) {
  return fieldsOfObject(resolve(schema, schema), schema, 0);
}

/** @param {Schema} object resolved @param {Schema} root @param {number} depth @returns {Field[]} */
function fieldsOfObject({ properties = {}, required = [] }, root, depth) {
  return Object.entries(properties).map(([name, property]) => {
    const schema = resolve(property, root);
    const isRequired = required.includes(name);
    const details = detailsOf(name, schema, isRequired, root, depth);
    return {
      path: [name],
      label: labelOf(name, schema),
      required: isRequired,
      value: isNothing(schema.default) ? undefined : schema.default,
      whenEmpty: isRequired && schema.nullable ? null : emptied(schema, isRequired),
      ...details,
      hint: hintOf(schema, details, isRequired),
    };
  });
}

/**
 * @param {string} name
 * @param {Schema} schema resolved
 * @param {boolean} isRequired
 * @param {Schema} root
 * @param {number} depth
 * @returns {Partial<Field>} what the schema's type says about the field
 */
function detailsOf(name, schema, isRequired, root, depth) {
  if ("const" in schema) return { kind: "constant", value: schema.const };
  const choices = choicesOf(schema);
  if (choices) return { kind: "select", choices };
  if (schema.type === "boolean" && schema.nullable) return { kind: "select", choices: [true, false].map((value) => ({ value, label: value ? "Yes" : "No" })) };
  if (schema.type === "array") return listOf(name, schema, root, depth);
  if (schema.type === "object" && schema.properties && depth < MAX_DEPTH) {
    const fields = fieldsOfObject(schema, root, depth + 1);
    const isLeftOut = (!isRequired || schema.nullable === true) && !isObject(schema.default);
    return { kind: "group", fields, canAdd: isLeftOut && fields.some(needsInput) };
  }
  return scalarOf(name, schema) ?? { kind: "json" };
}

/** @param {string} name @param {Schema} schema resolved @param {Schema} root @param {number} depth @returns {Partial<Field>} */
function listOf(name, schema, root, depth) {
  const { minItems, maxItems } = schema;
  const items = resolve(schema.items, root);
  const choices = choicesOf(items);
  if (schema.prefixItems || items.nullable) return { kind: "json" };
  if (choices) return { kind: "checkboxes", choices, minItems };
  if (items.type === "object" && items.properties && depth < MAX_DEPTH) {
    return { kind: "items", fields: fieldsOfObject(items, root, depth + 1), item: nounOf(items) || "Entry", minItems, maxItems };
  }
  const scalar = scalarOf(name, items);
  return scalar && items.type !== "boolean" ? { kind: scalar.kind === "number" ? "number" : "textarea", list: "lines", minItems } : { kind: "json" };
}

/** @param {unknown} value @returns {boolean} whether it is no value, or an empty one */
const isNothing = (value) => (typeof value === "object" ? Object.keys(value ?? {}).length === 0 : value === undefined || value === "");

/** @param {Field} field @returns {boolean} whether the form can't be sent while it is empty */
function needsInput({ required, kind, value, fields, canAdd }) {
  if (kind === "group") return !canAdd && fields?.some(needsInput) === true;
  return required === true && value === undefined && kind !== "constant" && kind !== "checkbox";
}

/**
 * What a field without a value sends, unless it is left out: an empty value where the default would be another one.
 * @param {Schema} schema resolved
 * @param {boolean} isRequired
 */
function emptied(schema, isRequired) {
  const hasDefault = !isNothing(schema.default);
  if (hasDefault && schema.nullable) return null;
  if (schema.type === "array" && (isRequired || hasDefault)) return [];
  return hasDefault && schema.type === "string" && !schema.minLength && !schema.format && !schema.enum ? "" : undefined;
}

/**
 * @param {Schema} schema resolved
 * @param {Partial<Field>} details
 * @param {boolean} isRequired
 * @returns {string | undefined}
 */
function hintOf(schema, { kind, list, canAdd, min, max }, isRequired) {
  const parts = [schema.description?.replace(/\.$/, "")];
  if (list) parts.push("one per line");
  if (kind === "number" && !list && min !== undefined && max !== undefined) parts.push(`${min} to ${max}`);
  if (kind === "datetime-local") parts.push("in your time zone");
  if (kind === "json") parts.push("as JSON");
  const isOptional = !isRequired && isNothing(schema.default);
  if (isOptional && kind !== "checkbox" && (kind !== "group" || canAdd)) parts.push("optional");
  return parts.filter(Boolean).join(" · ") || undefined;
}
