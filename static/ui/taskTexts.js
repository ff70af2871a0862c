/** What both pages say about a task's steps and its place in the queue. */

/** @typedef {import("herald/task.js").Task} Task */

export const NO_WORKER = "No worker for this type is online";

/** @param {{name: string, done?: number, total?: number}} step @returns {string} such as `Writing 3 of 12` */
export function stepText({ name, done, total }) {
  return total === undefined ? name : `${name} ${done ?? 0} of ${total}`;
}

/** @param {Task} task an active one @returns {string} its current step, or what it waits for */
export function currentText(task) {
  const { status, currentStep, steps, queuePosition } = task;
  if (currentStep) return stepText(steps.find(({ name }) => name === currentStep) ?? { name: currentStep });
  if (status !== "queued") return "Starting…";
  if (hasNoWorker(task)) return NO_WORKER;
  return queuePosition && queuePosition > 1 ? `Number ${queuePosition} in the queue` : "Waiting for a worker";
}

/** @param {Task} task @returns {boolean} whether it waits because no worker for its type is online */
export function hasNoWorker({ status, waitingFor }) {
  return status === "queued" && waitingFor?.reason === "noWorker";
}
