/**
 * The public state of a task, and how to find the newer of two states.
 *
 * Every state carries `(rev, tick)`: a stored change increments `rev`, an unstored progress event increments `tick`.
 * Keep the state with the greater pair, and duplicate or late events do no harm.
 *
 * @example
 * if (isNewer(event.task, known)) tasks.set(event.task.taskId, event.task);
 */

/**
 * @typedef {object} Task a task's public state; times are RFC 3339
 * @property {string} taskId
 * @property {string} type
 * @property {string} status one of `STATUSES`; a newer server may have others
 * @property {number} progress in percent, a whole number
 * @property {string} [currentStep]
 * @property {{name: string, status: string}[]} steps status: `pending`, `running`, `completed` or `failed`; a newer server may have others
 * @property {number} [queuePosition] its place in the queue, from 1
 * @property {string} [estimatedStart]
 * @property {string} [estimatedCompletion]
 * @property {string} [nextRetryAt]
 * @property {Record<string, any>} [result] a reference to the stored result
 * @property {string} [lastError]
 * @property {string} [endReason]
 * @property {boolean} [retryable]
 * @property {number} retryCount
 * @property {number} maxRetries
 * @property {{provider: string, model: string, inputTokens: number, outputTokens: number, costUsd?: number}} [usage]
 * @property {number} rev
 * @property {number} tick
 * @property {string} createdAt
 * @property {string} [startedAt]
 * @property {string} [completedAt]
 */

/** The statuses of a task that hasn't ended. */
export const ACTIVE = Object.freeze(["queued", "processing", "retrying"]);
export const STATUSES = Object.freeze([...ACTIVE, "completed", "failed", "cancelled"]);

/** @param {Task} task @returns {boolean} whether it hasn't ended; handles statuses of a newer server too */
export function isActive(task) {
  return ACTIVE.includes(task.status) || (!STATUSES.includes(task.status) && !task.completedAt);
}

/** @param {Task[]} tasks @returns {number} their mean progress in percent, rounded down; 0 without tasks */
export function overallProgress(tasks) {
  return Math.floor(tasks.reduce((sum, task) => sum + task.progress, 0) / (tasks.length || 1));
}

/**
 * @param {{rev: number, tick: number}} state
 * @param {{rev: number, tick: number} | undefined} known
 * @returns {boolean} whether `state` is newer than `known`; true if nothing is known
 */
export function isNewer(state, known) {
  if (!known) return true;
  return state.rev > known.rev || (state.rev === known.rev && state.tick > known.tick);
}
