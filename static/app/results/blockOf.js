import { choicesOf, isObject, labelOf, nounOf, resolve } from "../schema.js";

/** @typedef {import("../schema.js").Schema} Schema */

/**
 * A part of a readable document.
 *
 * - `text`: a short text, a number or a choice, in words. `kind` says how it is shown.
 * - `prose`: paragraphs.
 * - `list`: short texts.
 * - `table`: a list of objects without nested ones.
 * - `sections`: a list of other objects, or of other lists.
 * - `object`: parts with labels; `title` is the value of the part that names the whole.
 *
 * @typedef {{is: "text", text: string, kind?: "date" | "date-time" | "link" | "number", value?: string}} TextBlock
 * @typedef {{is: "prose", paragraphs: string[]}} ProseBlock
 * @typedef {{is: "list", items: TextBlock[]}} ListBlock
 * @typedef {{is: "table", columns: {label: string, isNumber: boolean}[], rows: (Block | null)[][]}} TableBlock
 * @typedef {{is: "sections", sections: {title: string, block: Block}[]}} SectionsBlock
 * @typedef {{is: "object", title?: string, parts: {label: string, block: Block}[]}} ObjectBlock
 * @typedef {TextBlock | ProseBlock | ListBlock | TableBlock | SectionsBlock | ObjectBlock} Block
 */

const LONG = 120;
const MAX_COLUMNS = 7;
const TITLES = ["title", "headline", "heading", "name", "subject"];
const BODIES = ["text", "body", "content", "paragraphs"];

/**
 * A value as a part of a readable document. The schema only helps: what it doesn't describe is shown by its name.
 * @param {unknown} value JSON
 * @param {unknown} [schema]
 * @param {Schema} [root] the schema that `$ref` refers to
 * @returns {Block | null} null if there is nothing to show
 */
export function blockOf(value, schema = {}, root = isObject(schema) ? schema : {}) {
  const resolved = alternativeFor(value, resolve(schema, root), root);
  if (Array.isArray(value)) return listBlock(value, resolved, root);
  if (isObject(value)) return objectBlock(value, resolved, root);
  return value === null || value === undefined || value === "" ? null : scalarBlock(value, resolved);
}

/** @param {unknown} value @returns {boolean} whether it is neither an object nor a list */
export const isScalar = (value) => typeof value !== "object" || value === null;

/** @param {unknown} value @returns {value is Record<string, any>} an object that fits into a row of a table */
export function isFlat(value) {
  return isObject(value) && Object.values(value).every((each) => isScalar(each) || (Array.isArray(each) && each.every(isScalar)));
}

/**
 * The fields of an object in the order of its schema, with their labels and schemas.
 * @param {Record<string, unknown>} value
 * @param {Schema} schema resolved
 * @param {Schema} root
 */
export function fieldsIn(value, schema, root) {
  const declared = Object.keys(schema.properties ?? {}).filter((name) => name in value);
  const names = [...declared, ...Object.keys(value).filter((name) => !declared.includes(name))];
  return names.map((name) => {
    const isDeclared = declared.includes(name);
    const field = resolve(isDeclared ? schema.properties[name] : schema.additionalProperties, root);
    const isKey = !isDeclared && isObject(schema.additionalProperties); // of a mapping: it is data, not a name
    return { name, label: isKey ? name : labelOf(name, field), schema: field };
  });
}

/** @param {unknown} value @param {Schema} schema resolved @param {Schema} root @returns {Schema} the alternative that the value matches */
export function alternativeFor(value, schema, root) {
  const alternatives = (schema.anyOf ?? schema.oneOf)?.map((/** @type {unknown} */ each) => resolve(each, root));
  if (!Array.isArray(alternatives) || !isObject(value)) return schema;
  return alternatives.find(({ properties = {}, required = [] }) => required.every((/** @type {string} */ name) => name in value && (properties[name]?.const ?? value[name]) === value[name])) ?? schema;
}

/** @param {unknown[]} values @param {Schema} schema @param {Schema} root @returns {Block | null} */
function listBlock(values, schema, root) {
  const shown = values.filter((value) => value !== null && value !== "");
  if (shown.length === 0) return null;
  const item = alternativeFor(shown[0], resolve(schema.items, root), root);
  if (shown.every(isScalar)) {
    if (shown.some((value) => String(value).length > LONG)) return { is: "prose", paragraphs: shown.flatMap((value) => paragraphsIn(String(value))) };
    return { is: "list", items: shown.map((value) => textBlock(value, item)) };
  }
  if (shown.every(isFlat)) {
    const table = tableBlock(shown, item, root);
    if (table) return table;
  }
  const name = nounOf(item);
  const sections = shown.flatMap((value, index) => {
    const block = blockOf(value, schema.items, root);
    if (!block) return [];
    const title = (block.is === "object" && block.title) || `${name} ${index + 1}`.trim();
    return [{ title, block: block.is === "object" ? { ...block, title: undefined } : block }];
  });
  return sections.length > 0 ? { is: "sections", sections } : null;
}

/** @param {Record<string, any>[]} rows @param {Schema} schema of a row @param {Schema} root @returns {TableBlock | null} null without columns, with too many, and with long texts */
function tableBlock(rows, schema, root) {
  const fields = columnsOf(rows, schema, root);
  const cells = rows.map((row) => fields.map((field) => cellOf(row[field.name], field.schema)));
  const isLong = cells.some((row) => row.some((cell) => cell && textIn(cell).length > LONG));
  if (fields.length === 0 || fields.length > MAX_COLUMNS || isLong) return null;
  return { is: "table", columns: fields.map(({ name, label }) => ({ label, isNumber: rows.every((row) => typeof (row[name] ?? 0) === "number") })), rows: cells };
}

/** The fields that any of the rows has. @param {Record<string, any>[]} rows @param {Schema} schema of a row @param {Schema} root */
export function columnsOf(rows, schema, root) {
  const shown = rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)));
  return fieldsIn(Object.assign({}, ...shown), schema, root);
}

/** @param {unknown} value @param {Schema} schema @returns {TextBlock | null} */
function cellOf(value, schema) {
  if (Array.isArray(value)) return value.length > 0 ? { is: "text", text: value.map((each) => textBlock(each, {}).text).join(", ") } : null;
  return value === null || value === undefined || value === "" ? null : textBlock(value, schema);
}

/** @param {TextBlock} cell */
const textIn = ({ text }) => text;

/** @param {Record<string, any>} value @param {Schema} schema @param {Schema} root @returns {ObjectBlock | null} */
function objectBlock(value, schema, root) {
  const fields = fieldsIn(value, schema, root);
  const named = fields.find(({ name }) => TITLES.includes(name) && typeof value[name] === "string" && value[name].length <= LONG);
  const parts = fields.flatMap((field) => {
    const block = field === named ? null : blockOf(value[field.name], field.schema, root);
    return block ? [{ label: BODIES.includes(field.name) && isText(block) ? "" : field.label, block }] : [];
  });
  if (parts.length === 0 && !named) return null;
  return { is: "object", ...(named && { title: value[named.name] }), parts };
}

/** @param {Block} block */
const isText = ({ is }) => is === "prose" || is === "text" || is === "list";

/** @param {unknown} value @param {Schema} schema resolved @returns {TextBlock | ProseBlock} */
function scalarBlock(value, schema) {
  const isProse = typeof value === "string" && (value.length > LONG || value.includes("\n")) && !isLink(value);
  return isProse ? { is: "prose", paragraphs: paragraphsIn(value) } : textBlock(value, schema);
}

/** @param {unknown} value a scalar @param {Schema} schema resolved @returns {TextBlock} */
function textBlock(value, schema) {
  if (typeof value === "number") return { is: "text", kind: "number", text: value.toLocaleString(undefined, { useGrouping: "min2", maximumFractionDigits: 10 }) };
  if (typeof value !== "string") return { is: "text", text: value === null ? "" : value === true ? "Yes" : "No" };
  if (schema.format === "date" || schema.format === "date-time") return timeBlock(value, schema.format);
  if (isLink(value)) return { is: "text", kind: "link", text: value.replace(/^https?:\/\/|\/$/g, ""), value };
  if (schema.format === "email") return { is: "text", kind: "link", text: value, value: `mailto:${value}` };
  return { is: "text", text: choicesOf(schema)?.find((choice) => choice.value === value)?.label ?? value };
}

/** @param {string} value @param {"date" | "date-time"} kind @returns {TextBlock} in the user's locale */
function timeBlock(value, kind) {
  const time = new Date(kind === "date" ? `${value}T00:00` : value); // a date alone would be one in UTC
  if (Number.isNaN(time.getTime())) return { is: "text", text: value };
  const text = time.toLocaleString([], { dateStyle: "long", ...(kind === "date-time" && { timeStyle: "short" }) });
  return { is: "text", kind, text, value };
}

/** @param {string} text */
const isLink = (text) => /^https?:\/\/\S+$/.test(text);

/** @param {string} text */
const paragraphsIn = (text) => text.split(/\n{2,}/).map((paragraph) => paragraph.trim()).filter(Boolean);
