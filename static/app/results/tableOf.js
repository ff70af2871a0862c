import { isObject, resolve } from "../schema.js";
import { alternativeFor, columnsOf, isFlat } from "./blockOf.js";

/** @typedef {import("../schema.js").Schema} Schema */
/** @typedef {{rows: Record<string, any>[], columns: Record<string, string>}} Table */

/**
 * The list of objects that a result is, or contains, as a table to save.
 * @param {unknown} result
 * @param {Schema} schema
 * @returns {Table | undefined} undefined without one, and if there are several
 */
export function tableOf(result, schema) {
  const tables = tablesIn(result, schema, schema);
  return tables.length === 1 ? tables[0] : undefined;
}

/** @param {unknown} value @param {unknown} schema @param {Schema} root @returns {Table[]} */
function tablesIn(value, schema, root) {
  const resolved = alternativeFor(value, resolve(schema, root), root);
  if (Array.isArray(value)) {
    if (value.length === 0 || !value.every(isFlat)) return [];
    const columns = columnsOf(value, resolve(resolved.items, root), root);
    return [{ rows: value, columns: Object.fromEntries(columns.map(({ name, label }) => [name, label])) }];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => tablesIn(each, resolved.properties?.[name] ?? resolved.additionalProperties, root));
}
