/** The words that both pages use for statuses, errors and times. */

/** @type {Record<string, string>} */
const STATUS_LABELS = {
  queued: "Queued",
  processing: "Running",
  retrying: "Retrying",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** @param {string} status of a task @returns {string} */
export function statusLabel(status) {
  return STATUS_LABELS[status] ?? status;
}

/**
 * The message to show for a failed request.
 * @param {unknown} error thrown by `fetch` or `TaskService`
 * @returns {string}
 */
export function errorMessage(error) {
  if (error instanceof TypeError) return "Couldn't reach the server. Check your connection and try again.";
  return error instanceof Error ? error.message : String(error);
}

/** @param {number} ms @returns {string} such as `9 s` or `2 min 5 s` */
export function duration(ms) {
  const seconds = Math.max(Math.ceil(ms / 1000), 0);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
