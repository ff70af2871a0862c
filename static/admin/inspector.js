import { useEffect, useState } from "preact/hooks";

import { isActive } from "herald/task.js";

import { getJson } from "../ui/getJson.js";
import { html } from "../ui/html.js";
import { errorMessage, statusLabel } from "../ui/labels.js";
import { NO_WORKER, hasNoWorker } from "../ui/taskTexts.js";
import { typeLabel } from "../ui/words.js";

/**
 * A task as operators see it.
 * @typedef {import("herald/task.js").Task & {userId: string, traceparent?: string, traceback?: string, history: {at: string, status: string, by: string, note?: string}[]}} InspectedTask
 */

/**
 * Any user's task, with its history.
 *
 * @param {object} props
 * @param {string} props.taskId
 * @param {(taskId: string) => void} props.onInspect
 * @param {() => Promise<string>} props.getToken
 * @param {(taskIds: string[]) => void} props.onCancel
 * @param {(taskIds: string[]) => void} props.onRetry
 */
export function Inspector({ taskId, onInspect, getToken, onCancel, onRetry }) {
  const [task, setTask] = useState(/** @type {InspectedTask | null} */ (null));
  const [error, setError] = useState("");
  useEffect(() => {
    if (!taskId) return undefined;
    let isCurrent = true;
    /** @param {InspectedTask | null} result @param {string} message */
    const show = (result, message) => {
      if (!isCurrent) return;
      setTask(result);
      setError(message);
    };
    getJson(`/api/ops/tasks/${encodeURIComponent(taskId)}`, getToken).then(
      (result) => show(result, ""),
      (reason) => show(null, errorMessage(reason)),
    );
    return () => {
      isCurrent = false;
    };
  }, [taskId]);

  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    onInspect(String(form.get("taskId")).trim());
  };
  return html`<section>
    <h2>Inspect a task</h2>
    <form class="inspector" onSubmit=${submit}>
      <label for="inspected">Task ID</label>
      <input id="inspected" name="taskId" value=${taskId} autocomplete="off" required />
      <button>Inspect</button>
    </form>
    <div role="status">${error && html`<p class="error">${error}</p>`}</div>
    ${task && html`<${Details} task=${task} onCancel=${onCancel} onRetry=${onRetry} />`}
  </section>`;
}

/** @param {{task: InspectedTask, onCancel: (taskIds: string[]) => void, onRetry: (taskIds: string[]) => void}} props */
function Details({ task, onCancel, onRetry }) {
  const traceId = task.traceparent?.split("-")[1];
  return html`<p>
      <strong>${task.title ? `${task.title} (${typeLabel(task.type)})` : typeLabel(task.type)}</strong> of ${task.userId}: ${statusLabel(task.status)}, attempt ${task.attempt}
      ${hasNoWorker(task) && html`. <span class="error">${NO_WORKER}</span>`}
      ${task.lastError && html`, <span class="error">${task.lastError}</span>`}${" "}
      ${isActive(task) && html`<button onClick=${() => onCancel([task.taskId])}>Cancel</button>`}
      ${["failed", "cancelled"].includes(task.status) && html`<button onClick=${() => onRetry([task.taskId])}>Retry</button>`}
    </p>
    ${traceId && html`<p class="muted">Trace <code>${traceId}</code></p>`}
    ${task.traceback && html`<details><summary>Traceback</summary><pre class="scrollable" tabindex="0">${task.traceback}</pre></details>`}
    <ol class="history">
      ${task.history.map((entry) => html`<li><time datetime=${entry.at}>${new Date(entry.at).toLocaleTimeString()}</time> ${statusLabel(entry.status)} by ${entry.by}${entry.note ? `: ${entry.note}` : ""}</li>`)}
    </ol>`;
}
