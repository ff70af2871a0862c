/** Words made of the names in code: of task types, fields and the values of enumerations. */

const ACRONYMS = new Map(
  ["AI", "API", "CEO", "CRM", "CSV", "CTA", "CTR", "FAQ", "HTML", "ID", "IP", "JSON", "KPI", "PDF", "PR", "ROI", "SEO", "SMS", "SQL", "UI", "URL", "USP", "UTM", "UX", "VAT", "XML"].flatMap(
    (word) => [
      [word.toLowerCase(), word],
      [`${word.toLowerCase()}s`, `${word}s`],
    ],
  ),
);

/**
 * A name in words, in sentence case.
 * @param {string} name in any of the usual notations
 * @returns {string} `Write press release` for `WRITE_PRESS_RELEASE`, `Posts per week` for `postsPerWeek`
 */
export function wordsOf(name) {
  const parts = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .split(/[\s_.-]+/)
    .map((part) => ACRONYMS.get(part.toLowerCase()) ?? part.toLowerCase());
  const words = parts.join(" ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * The name of a task type on the page.
 * @param {string} type such as `WRITE_PRESS_RELEASE`
 * @param {string} [title] the template of its tasks' titles, which is the name if it is the same for all of them
 * @returns {string}
 */
export function typeLabel(type, title) {
  return title && !/[{}]/.test(title) ? title : wordsOf(type);
}

/**
 * A value of an enumeration as people read it: `very_bold` becomes `Very bold`, while `EUR` and `4:5` stay.
 * @param {unknown} value
 * @returns {string}
 */
export function valueLabel(value) {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "string") return JSON.stringify(value);
  const isName = /^[a-z][a-z\d]*([_-][a-z\d]+)*$/.test(value) || /^[A-Z]+(_[A-Z\d]+)+$/.test(value);
  return isName ? wordsOf(value) : value;
}
