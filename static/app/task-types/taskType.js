/**
 * The form of a task type, its labels, and the view of its results. Each type has a file in this folder.
 *
 * @typedef {object} TaskType
 * @property {string} name
 * @property {string} action the label of the button that starts a task
 * @property {string} about one sentence about the result
 * @property {string} ready the message when a task has completed
 * @property {string} failed the message when a task has failed
 * @property {string[]} [steps] the names of the form's steps, if it has several
 * @property {Field[]} fields
 * @property {(props: {documents: any[]}) => any} Result shows the stored documents
 * @property {{rows: (documents: any[]) => Record<string, unknown>[], columns: Record<string, string>}} [table] the rows
 *   of the CSV file, and the heading of each field
 */

/**
 * @typedef {object} Field
 * @property {string[]} path where its value goes in the payload
 * @property {string} label
 * @property {string} [hint]
 * @property {"text" | "textarea" | "number" | "date"} [kind]
 * @property {number} [step] the form's step, from 0
 * @property {(text: string) => unknown} [parse] turns the text into the payload's value; undefined leaves it out
 * @property {string} [value] the initial text
 * @property {string} [example] shown while the field is empty
 * @property {boolean} [required]
 * @property {number} [maxLength]
 * @property {number} [min]
 * @property {number} [max]
 */

/** @param {string} text @returns {string[] | undefined} its parts, separated by commas or lines */
export function parseList(text) {
  const parts = text.split(/[,\n]/).map((part) => part.trim()).filter(Boolean);
  return parts.length > 0 ? parts : undefined;
}

/** @param {string} text @returns {number | undefined} */
export function parseNumber(text) {
  return text === "" ? undefined : Number(text);
}
