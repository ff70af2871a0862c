import { html } from "./html.js";
import { LiveDraft } from "./liveDraft.js";
import { nameOf } from "./taskTypes.js";

const ACTIVE = ["queued", "processing", "retrying"];
const STATUS = {
  queued: "Waiting",
  processing: "Running",
  retrying: "Trying again",
  completed: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** @param {import("herald/taskFeed.js").Task} task one without a current step */
function waiting({ status, queuePosition }) {
  if (status !== "queued") return "Starting";
  return queuePosition > 1 ? `Number ${queuePosition} in the queue` : "Waits for a worker";
}

/**
 * One task: where it stands, its steps, and what can be done with it.
 *
 * @param {{task: import("herald/taskFeed.js").Task, feed: import("herald/taskFeed.js").TaskFeed, view: Function, cancel: Function, retry: Function}} props
 */
export function TaskCard({ task, feed, view, cancel, retry }) {
  const active = ACTIVE.includes(task.status);
  return html`
    <li class="task" data-task-id=${task.taskId} data-status=${task.status}>
      <div class="task-head">
        <h3>${nameOf(task.type)}</h3>
        <span class="chip ${task.status}">${STATUS[task.status]}</span>
        <time datetime=${task.createdAt}>${new Date(task.createdAt).toLocaleTimeString()}</time>
      </div>
      ${active &&
      html`
        <div class="meter">
          <progress max="100" value=${task.progress} aria-label="Progress"></progress>
          <span class="percent">${task.progress} %</span>
        </div>
        <p class="step" data-current-step>${task.currentStep ?? waiting(task)}</p>
      `}
      ${task.steps.length > 0 &&
      html`<ol class="steps">
        ${task.steps.map(({ name, status }) => html`<li key=${name} class=${status}>${name}</li>`)}
      </ol>`}
      ${task.status === "processing" && html`<${LiveDraft} taskId=${task.taskId} feed=${feed} />`}
      ${task.lastError && html`<p class="fault">${task.lastError}</p>`}
      <div class="actions">
        ${task.usage?.provider === "offline" && html`<span class="muted note">An offline draft, made by rules and without a model</span>`}
        ${active && html`<button class="quiet" onClick=${() => cancel(task)}>Cancel</button>`}
        ${["failed", "cancelled"].includes(task.status) && html`<button class="quiet" onClick=${() => retry(task)}>Try again</button>`}
        ${task.status === "completed" && html`<button onClick=${() => view(task)}>View</button>`}
      </div>
    </li>
  `;
}
