import { nameOf } from "./field.js";

/** @typedef {import("./field.js").Field} Field */

/**
 * The payload that a form describes. Empty fields send what they are made to send, which is usually nothing.
 * @param {Field[]} fields
 * @param {FormData} form
 * @param {string} [parent] the name of the object around the fields
 * @returns {Record<string, any>}
 */
export function payloadOf(fields, form, parent = "") {
  /** @type {Record<string, any>} */
  const payload = {};
  for (const field of fields) {
    const value = valueOf(field, form, nameOf(parent, field.path));
    if (value === undefined) continue;
    const around = field.path.slice(0, -1).reduce((object, key) => (object[key] ??= {}), payload);
    around[field.path[field.path.length - 1]] = value;
  }
  return payload;
}

/** @param {Field} field @param {FormData} form @param {string} name @returns {unknown} */
function valueOf(field, form, name) {
  const { kind, required, value, whenEmpty, fields = [] } = field;
  if (kind === "constant") return value;
  if (kind === "checkbox") {
    const isChecked = form.has(name);
    return isChecked === (value ?? false) && !required ? undefined : isChecked;
  }
  if (kind === "checkboxes") return orEmpty(form.getAll(name).map((each) => JSON.parse(String(each))), whenEmpty);
  if (kind === "items") return orEmpty(itemsOf(fields, form, name), whenEmpty);
  if (kind === "group") {
    if (field.canAdd && !form.has(name)) return whenEmpty;
    const group = payloadOf(fields, form, name);
    return Object.keys(group).length > 0 || field.canAdd || required ? group : undefined;
  }
  const text = String(form.get(name) ?? "").trim();
  if (field.list) return orEmpty(entriesOf(text, field), whenEmpty);
  return text === "" ? whenEmpty : parse(text, kind);
}

/** @param {unknown[]} values @param {unknown} whenEmpty */
const orEmpty = (values, whenEmpty) => (values.length > 0 ? values : whenEmpty);

/** @param {Field[]} fields @param {FormData} form @param {string} name of the list; each item has a hidden input */
function itemsOf(fields, form, name) {
  const items = [];
  while (form.has(nameOf(name, [items.length]))) items.push(payloadOf(fields, form, nameOf(name, [items.length])));
  return items;
}

/** @param {string} text @param {Field} field */
function entriesOf(text, { list, kind }) {
  const entries = text.split(list === "commas" ? /[,\n]/ : "\n").map((entry) => entry.trim()).filter(Boolean);
  return kind === "number" ? entries.map((entry) => (Number.isFinite(Number(entry)) ? Number(entry) : entry)) : entries;
}

/** @param {string} text @param {Field["kind"]} kind */
function parse(text, kind) {
  if (kind === "number") return Number(text);
  if (kind === "json" || kind === "select") return JSON.parse(text);
  return kind === "datetime-local" ? new Date(text).toISOString() : text;
}
