import { typeLabel } from "../../ui/words.js";
import { fieldsOf } from "../forms/fieldsOf.js";
import { tableOf } from "../results/tableOf.js";

/** @typedef {import("../forms/field.js").Field} Field */
/** @typedef {import("herald/task.js").Task} Task */

/**
 * A task type as `GET /api/taskTypes` returns it.
 * @typedef {object} Registered
 * @property {string} type
 * @property {string} [title] the template of its tasks' titles
 * @property {string} [description]
 * @property {import("../schema.js").Schema} payloadSchema
 * @property {import("../schema.js").Schema} resultSchema
 * @property {boolean} online whether any worker runs it
 */

/**
 * What the page shows differently from what a type's registration says; each of these types has a file in
 * `task-types/`.
 *
 * @typedef {object} Override
 * @property {string} [label] the name of the type
 * @property {string} [action] the label of the button that starts a task, and the heading of its form
 * @property {string} [about] one sentence about the type
 * @property {Field[]} [fields]
 * @property {string[]} [pages] the names of the form's pages, if it has several
 * @property {(props: {result: any}) => any} [Result] shows the result
 * @property {(result: any) => Table | undefined} [table] the part of a result that can be saved as CSV
 * @property {string} [ready] the message when a task has completed
 * @property {string} [failed] the message when a task has failed
 */

/** @typedef {{rows: Record<string, unknown>[], columns: Record<string, string>}} Table `columns`: by field, its heading */

/**
 * A task type as the page shows it.
 *
 * @typedef {object} TaskType
 * @property {string} type
 * @property {string} label
 * @property {string} action
 * @property {string} [about]
 * @property {() => Field[]} fields
 * @property {string[]} [pages]
 * @property {import("../schema.js").Schema} resultSchema
 * @property {((props: {result: any}) => any)} [Result]
 * @property {(result: any) => Table | undefined} table
 * @property {string} [ready]
 * @property {string} [failed]
 * @property {boolean} isOnline
 */

/**
 * @param {string} type
 * @param {Registered} [registered] undefined if it isn't, or no longer
 * @param {Override} [override]
 * @returns {TaskType}
 */
export function taskTypeOf(type, registered, override = {}) {
  const { fields, ...overridden } = override;
  const label = override.label ?? typeLabel(type, registered?.title);
  const resultSchema = registered?.resultSchema ?? {};
  return {
    type,
    label,
    action: label,
    about: registered?.description,
    fields: () => fields ?? fieldsOf(registered?.payloadSchema ?? {}),
    resultSchema,
    table: (result) => tableOf(result, resultSchema),
    isOnline: registered?.online ?? false,
    ...overridden,
  };
}

/**
 * The name of a task on the page.
 * @param {{title?: string}} task
 * @param {TaskType} type
 * @returns {string}
 */
export function titleOf(task, type) {
  return task.title || type.label;
}

/**
 * The heading of the notification that a task has ended.
 * @param {{title?: string}} task
 * @param {TaskType} type
 * @param {"ready" | "failed"} how
 * @returns {string}
 */
export function endMessage(task, type, how) {
  const name = task.title && task.title !== type.label ? `“${task.title}”` : type.label;
  return type[how] ?? `${name} ${how === "ready" ? "is ready" : "failed"}`;
}
