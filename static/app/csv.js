/**
 * Rows as CSV (RFC 4180). A cell that a spreadsheet would take for a formula is made a text.
 *
 * @param {object[]} rows
 * @param {string[]} columns names of fields; lists are joined
 * @returns {string}
 */
export function csv(rows, columns) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  return lines.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

/** @param {unknown} value */
function cell(value) {
  const text = Array.isArray(value) ? value.join("; ") : String(value);
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
