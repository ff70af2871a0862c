/**
 * Which of two states of a task is the newer one.
 *
 * Every state carries `(rev, tick)`: a stored change takes the next `rev`, an unstored progress event the next
 * `tick`. Whoever keeps the greater pair may get states twice or late, and comes to no harm.
 *
 * @example
 * if (isNewer(event.task, known)) tasks.set(event.task.taskId, event.task);
 */

/**
 * @param {{rev: number, tick: number}} state
 * @param {{rev: number, tick: number} | undefined} known
 * @returns {boolean} whether `state` is newer than `known`; anything is newer than nothing
 */
export function isNewer(state, known) {
  if (!known) return true;
  return state.rev > known.rev || (state.rev === known.rev && state.tick > known.tick);
}
