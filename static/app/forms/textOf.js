/** @typedef {import("./field.js").Field} Field */

/**
 * The text that a field's input shows at first.
 * @param {Field} field
 * @returns {string | undefined}
 */
export function textOf({ kind, list, value }) {
  if (value === undefined) return undefined;
  if (kind === "json") return JSON.stringify(value, null, 2);
  if (Array.isArray(value)) return value.join(list === "commas" ? ", " : "\n");
  if (kind === "datetime-local") return localTime(new Date(String(value)));
  return String(value);
}

/** @param {Date} time @returns {string} such as `2027-01-31T18:30`, in the user's time zone */
function localTime(time) {
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {string} text @returns {boolean} whether it is JSON, or empty */
export function isJson(text) {
  try {
    return text.trim() === "" || JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}
