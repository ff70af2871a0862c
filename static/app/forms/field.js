/**
 * A field of a form. A form is a list of fields; those of a `group` and of each of a list's `items` have fields of
 * their own.
 *
 * @typedef {object} Field
 * @property {string[]} path where its value goes, from the object around it
 * @property {string} label
 * @property {string} [hint]
 * @property {Kind} [kind] `text` by default
 * @property {"lines" | "commas"} [list] whether it is a list of such values, and how they are separated
 * @property {boolean} [required]
 * @property {unknown} [value] the initial value
 * @property {unknown} [whenEmpty] what an empty field sends; undefined leaves it out
 * @property {string} [example] shown while the field is empty
 * @property {Choice[]} [choices] of a `select` or of `checkboxes`
 * @property {Field[]} [fields] of a `group`, or of each of the `items`
 * @property {boolean} [canAdd] whether a `group` is left out until the user adds it
 * @property {string} [item] what one of the `items` is called
 * @property {number} [minItems]
 * @property {number} [maxItems]
 * @property {number} [maxLength]
 * @property {number} [minLength]
 * @property {string | number} [min]
 * @property {string | number} [max]
 * @property {string | number} [step] of numbers: the distance of valid values, or `any`
 * @property {string} [pattern]
 * @property {number} [page] the form's page, from 0
 */

/**
 * `constant` is not shown; `json` is a value as JSON, for schemas that have no better field.
 *
 * @typedef {"text" | "textarea" | "email" | "url" | "password" | "color" | "number" | "date" | "datetime-local" | "time"
 *   | "checkbox" | "select" | "checkboxes" | "group" | "items" | "json" | "constant"} Kind
 */

/** @typedef {{value: unknown, label: string}} Choice */

/**
 * The name of a field in its form: its JSON pointer in the payload, without the first slash.
 * @param {string} parent the name of the object around it; "" for the payload
 * @param {(string | number)[]} path
 * @returns {string}
 */
export function nameOf(parent, path) {
  const keys = path.map((key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1"));
  return (parent ? [parent, ...keys] : keys).join("/");
}
