/** Reads JSON Schemas as pydantic writes them: references, optional values and alternatives. */
import { valueLabel, wordsOf } from "../ui/words.js";

/** @typedef {Record<string, any>} Schema */

/**
 * @typedef {object} Extra
 * @property {boolean} [nullable] whether null is allowed besides
 * @property {string} [typeTitle] the title of the definition that was referred to, such as the name of a class
 */

const MAX_REFERENCES = 20;

/**
 * Follow references, merge `allOf`, and take `null` out of the alternatives.
 * @param {unknown} schema
 * @param {Schema} root the schema that `$ref` refers to
 * @returns {Schema & Extra} the keywords beside a reference override those of its target
 */
export function resolve(schema, root, references = 0) {
  if (!isObject(schema) || references > MAX_REFERENCES) return {};
  const { $ref, allOf, ...own } = schema;
  const parts = [...($ref ? [target($ref, root)] : []), ...(allOf ?? [])].map((part) => {
    const { title, ...resolved } = resolve(part, root, references + 1);
    return { ...resolved, typeTitle: title ?? resolved.typeTitle };
  });
  return withoutNull(merge([...parts, own]), root, references);
}

/** @param {Schema[]} parts @returns {Schema} */
function merge(parts) {
  if (parts.length === 1) return parts[0];
  const merged = Object.assign({}, ...parts);
  const properties = Object.assign({}, ...parts.map((part) => part.properties));
  const required = parts.flatMap((part) => part.required ?? []);
  return { ...merged, ...(Object.keys(properties).length > 0 && { properties }), ...(required.length > 0 && { required }) };
}

/** @param {Schema} schema @param {Schema} root @param {number} references @returns {Schema & Extra} */
function withoutNull(schema, root, references) {
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const types = schema.type.filter((type) => type !== "null");
    return { ...schema, type: types.length === 1 ? types[0] : types, nullable: true };
  }
  const keyword = schema.anyOf ? "anyOf" : "oneOf";
  const alternatives = schema[keyword];
  if (!Array.isArray(alternatives)) return schema;
  const others = alternatives.filter((each) => each?.type !== "null");
  const nullable = others.length < alternatives.length;
  if (others.length !== 1) return { ...schema, [keyword]: others, ...(nullable && { nullable }) };
  const { [keyword]: _, ...own } = schema;
  const { title, ...only } = resolve(others[0], root, references + 1);
  return { ...only, typeTitle: title ?? only.typeTitle, ...own, ...((nullable || only.nullable) && { nullable: true }) };
}

/** @param {string} reference such as `#/$defs/Speaker` @param {Schema} root @returns {unknown} */
function target(reference, root) {
  const path = decodeURIComponent(reference).split("/").slice(1);
  return path.reduce((/** @type {any} */ found, key) => found?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], root);
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The values to choose from, and their labels; undefined if the schema isn't an enumeration.
 * @param {Schema} schema resolved
 * @returns {{value: unknown, label: string}[] | undefined}
 */
export function choicesOf(schema) {
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(alternatives) && alternatives.length > 0 && alternatives.every((each) => isObject(each) && "const" in each)) {
    return alternatives.map((each) => ({ value: each.const, label: each.title ?? valueLabel(each.const) }));
  }
  if (!Array.isArray(schema.enum)) return undefined;
  return schema.enum.filter((value) => value !== null).map((value) => ({ value, label: valueLabel(value) }));
}

/**
 * The label of a field: its title, or the words of its name. Pydantic makes a title of every name ("Postsperweek");
 * the words are better.
 * @param {string} name
 * @param {Schema} schema
 * @returns {string}
 */
export function labelOf(name, { title }) {
  const isMade = !title || letters(title) === letters(name);
  return isMade ? wordsOf(name) || name : title;
}

/**
 * What one object of a type is called: the title of the type, or the words of its name.
 * @param {Schema & Extra} schema resolved
 * @returns {string} "" if it has no name
 */
export function nounOf({ typeTitle, title }) {
  const name = typeTitle ?? title ?? "";
  return /\s/.test(name) ? name : wordsOf(name);
}

/** @param {string} text */
const letters = (text) => text.replace(/[\s_.-]/g, "").toLowerCase();
