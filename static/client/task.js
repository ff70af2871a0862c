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
 * The id of a task. It remembers the task's type for TypeScript; at run time it is a string.
 *
 * @template {string} [Type=string]
 * @typedef {string & { readonly __type?: Type }} TaskId
 */

/**
 * A task's public state. Times are RFC 3339.
 *
 * @template {string} [Type=string]
 * @typedef {object} Task
 * @property {TaskId<Type>} taskId
 * @property {Type} type
 * @property {string} [title] the title of this task, such as the headline of a press release
 * @property {string} userId
 * @property {string} [brandId]
 * @property {string} status one of `STATUSES`; a newer server may have others
 * @property {number} progress in percent, a whole number
 * @property {string} [currentStep]
 * @property {number} [currentStepIndex] the index of the current step in `steps`
 * @property {Step[]} steps
 * @property {string} priority `low`, `normal` or `high`
 * @property {string} queuedAt
 * @property {number} [queuePosition] its place in the queue, from 1
 * @property {{reason: string}} [waitingFor] why it hasn't started; `noWorker`: no worker for its type is online
 * @property {string} [estimatedStart]
 * @property {string} [estimatedCompletion]
 * @property {string} [nextRetryAt]
 * @property {Record<string, any>} [emitted] the newest data of each name that the task's code has emitted
 * @property {Record<string, any>} [result] a reference to the stored result
 * @property {string} [lastError]
 * @property {string} [endReason]
 * @property {boolean} [retryable]
 * @property {number} attempt
 * @property {number} retryCount
 * @property {number} maxRetries
 * @property {{provider: string, model: string, inputTokens: number, outputTokens: number, costUsd?: number}} [usage]
 * @property {number} rev
 * @property {number} tick
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string} [startedAt]
 * @property {string} [completedAt]
 */

/**
 * A task of one of several types: `task.type` tells them apart.
 *
 * @template {string} Type
 * @typedef {Type extends string ? Task<Type> : never} TaskOf
 */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} status `pending`, `running`, `completed` or `failed`; a newer server may have others
 * @property {string} [startedAt]
 * @property {string} [completedAt]
 * @property {number} [done] how many of its items are done, if it has several
 * @property {number} [total] how many items it has, if it has several
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
