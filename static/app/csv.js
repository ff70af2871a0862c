/**
 * Format rows as CSV (RFC 4180) with a byte order mark, without which Excel mistakes UTF-8 for another encoding. Text
 * that a spreadsheet would take for a formula is escaped.
 *
 * @param {Record<string, unknown>[]} rows
 * @param {Record<string, string>} columns by field, the column's heading
 * @returns {string}
 */
export function csv(rows, columns) {
  const fields = Object.keys(columns);
  const lines = [Object.values(columns), ...rows.map((row) => fields.map((field) => row[field] ?? ""))];
  return `\uFEFF${lines.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("")}`;
}

/** @param {unknown} value a list is joined */
function cell(value) {
  const text = Array.isArray(value) ? value.join("; ") : String(value);
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
