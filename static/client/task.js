/**
 * A task as it is pushed, and which of two states of it is the newer one.
 *
 * Every state carries `(rev, tick)`: a stored change takes the next `rev`, an unstored progress event the next
 * `tick`. Whoever keeps the greater pair may get states twice or late, and comes to no harm.
 *
 * @example
 * if (isNewer(event.task, known)) tasks.set(event.task.taskId, event.task);
 */

/**
 * @typedef {object} Task a task's public state; times are RFC 3339
 * @property {string} taskId
 * @property {string} type
 * @property {string} status one of `STATUSES`; a newer server may have others
 * @property {number} progress whole percents
 * @property {string} [currentStep]
 * @property {{name: string, status: string}[]} steps their status is `pending`, `running`, `completed` or `failed`, as far as is known here
 * @property {number} [queuePosition] which one it is of those that wait, from 1
 * @property {string} [estimatedStart]
 * @property {string} [estimatedCompletion]
 * @property {string} [nextRetryAt]
 * @property {Record<string, any>} [result] a reference to what was made
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

/** The statuses of a task that has not ended. */
export const ACTIVE = Object.freeze(["queued", "processing", "retrying"]);
export const STATUSES = Object.freeze([...ACTIVE, "completed", "failed", "cancelled"]);

/** @param {Task} task @returns {boolean} whether it has not ended, in whatever status a newer server has put it */
export function isActive(task) {
  return ACTIVE.includes(task.status) || (!STATUSES.includes(task.status) && !task.completedAt);
}

/** @param {Task[]} tasks @returns {number} how far they are together, in whole percents */
export function overallProgress(tasks) {
  return Math.floor(tasks.reduce((sum, task) => sum + task.progress, 0) / (tasks.length || 1));
}

/**
 * @param {{rev: number, tick: number}} state
 * @param {{rev: number, tick: number} | undefined} known
 * @returns {boolean} whether `state` is newer than `known`; anything is newer than nothing
 */
export function isNewer(state, known) {
  if (!known) return true;
  return state.rev > known.rev || (state.rev === known.rev && state.tick > known.tick);
}
