/**
 * The names of channels: `tasks#<userId>`, `task:<taskId>`, `brand:<brandId>` and `ops`.
 *
 * @example
 * centrifuge.newSubscription(taskChannel(task.taskId));
 * parseChannel("brand:acme"); // { kind: "brand", id: "acme" }
 */

/**
 * @typedef {object} Channel
 * @property {"user" | "task" | "brand" | "ops"} kind
 * @property {string} id the id of the user, task or brand; empty for the operators' channel
 */

/** @type {readonly ["user" | "task" | "brand", string][]} */
const PREFIXES = [
  ["user", "tasks#"],
  ["task", "task:"],
  ["brand", "brand:"],
];

/** The channel that carries the operators' overview. */
export const OPS_CHANNEL = "ops";

/** @param {string} userId @returns {string} the channel of all of a user's tasks */
export const userChannel = (userId) => `tasks#${userId}`;

/** @param {string} taskId @returns {string} the channel of one task; the only one that carries its draft */
export const taskChannel = (taskId) => `task:${taskId}`;

/** @param {string} brandId @returns {string} the channel of all of a brand's tasks */
export const brandChannel = (brandId) => `brand:${brandId}`;

/** @param {string} name @returns {Channel | null} null if there can be no such channel */
export function parseChannel(name) {
  if (name === OPS_CHANNEL) return { kind: "ops", id: "" };
  const [kind, prefix] = PREFIXES.find(([, prefix]) => name.startsWith(prefix)) ?? [];
  return kind && prefix && name.length > prefix.length ? { kind, id: name.slice(prefix.length) } : null;
}
