import { useState } from "preact/hooks";

import { isActive } from "herald/task.js";

import { useNow } from "./hooks.js";
import { html } from "../ui/html.js";
import { LiveDraft } from "./liveDraft.js";
import { nameOf } from "./task-types/index.js";

const STATUS = {
  queued: "Waiting",
  processing: "Running",
  retrying: "Trying again",
  completed: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

/**
 * One task: where it stands, its steps, and what can be done with it.
 *
 * @param {object} props
 * @param {import("herald/task.js").Task} props.task
 * @param {boolean} props.newest whether its draft is shown without being asked for
 * @param {import("herald/taskFeed.js").TaskFeed} props.feed
 * @param {{view: Function, cancel: Function, retry: Function}} props.actions
 */
export function TaskCard({ task, newest, feed, actions }) {
  const active = isActive(task);
  const name = nameOf(task.type);
  return html`
    <li class="task" data-task-id=${task.taskId} data-status=${task.status}>
      <div class="task-head">
        <h3>${name}</h3>
        <span class="chip ${task.status}">${STATUS[task.status] ?? task.status}</span>
        <time datetime=${task.createdAt}>${new Date(task.createdAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}</time>
      </div>
      ${active && html`<${Progress} task=${task} name=${name} />`}
      ${task.steps.length > 0 &&
      html`<ol class="steps">
        ${task.steps.map(({ name: step, status }) => html`<li key=${step} class=${status}>${step}<span class="unseen"> (${status})</span></li>`)}
      </ol>`}
      ${task.status === "processing" && html`<${Draft} taskId=${task.taskId} feed=${feed} shown=${newest} />`}
      ${task.lastError && html`<p class="fault">${task.lastError}</p>`}
      <div class="actions">
        <${Used} usage=${task.usage} />
        ${active && html`<button class="quiet" aria-label=${`Cancel ${name}`} onClick=${() => actions.cancel(task)}>Cancel</button>`}
        ${["failed", "cancelled"].includes(task.status) &&
        html`<button class="quiet" aria-label=${`Try again: ${name}`} onClick=${() => actions.retry(task)}>Try again</button>`}
        ${task.status === "completed" && html`<button aria-label=${`View ${name}`} onClick=${() => actions.view(task)}>View</button>`}
      </div>
    </li>
  `;
}

function Progress({ task, name }) {
  return html`
    <div class="meter">
      <progress max="100" value=${task.progress} aria-label=${`Progress of ${name}`}></progress>
      <span class="percent">${`${task.progress} %`}</span>
    </div>
    <p class="step"><span data-current-step>${task.currentStep ?? waiting(task)}</span> <${Times} task=${task} /></p>
  `;
}

/** @param {import("herald/task.js").Task} task one without a current step */
function waiting({ status, queuePosition }) {
  if (status !== "queued") return "Starting";
  return queuePosition > 1 ? `Number ${queuePosition} in the queue` : "Waits for a worker";
}

/** How long it has taken, and how long it will. */
function Times({ task }) {
  const now = useNow();
  const told = [];
  if (task.status === "retrying" && task.nextRetryAt) told.push(`again in ${duration(Date.parse(task.nextRetryAt) - now)}`);
  else if (task.status === "queued" && task.estimatedStart) told.push(`starts in about ${duration(Date.parse(task.estimatedStart) - now)}`);
  else if (task.estimatedCompletion) told.push(`about ${duration(Date.parse(task.estimatedCompletion) - now)} left`);
  if (task.startedAt) told.push(`${duration(now - Date.parse(task.startedAt))} so far`);
  return html`<span class="muted times">${told.join(" · ")}</span>`;
}

/** @param {number} ms @returns {string} such as `9 s` or `2:05 min` */
function duration(ms) {
  const seconds = Math.max(Math.ceil(ms / 1000), 0);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}

function Draft({ taskId, feed, shown }) {
  const [open, setOpen] = useState(shown);
  return html`
    <details class="draft-details" open=${open} onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>Draft</summary>
      ${open && html`<${LiveDraft} taskId=${taskId} feed=${feed} />`}
    </details>
  `;
}

/** @param {{usage?: import("herald/task.js").Task["usage"]}} props */
function Used({ usage }) {
  if (!usage) return null;
  if (usage.provider === "offline") return html`<span class="muted note">An offline draft, made by rules and without a model</span>`;
  const cost = usage.costUsd === undefined ? "" : ` · $${usage.costUsd.toFixed(4)}`;
  return html`<span class="muted note">${usage.model} · ${usage.inputTokens + usage.outputTokens} tokens${cost}</span>`;
}
