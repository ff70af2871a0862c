import { useState } from "preact/hooks";

import { isActive } from "herald/task.js";

import { html } from "../ui/html.js";
import { duration, statusLabel } from "../ui/labels.js";
import { currentText, hasNoWorker, stepText } from "../ui/taskTexts.js";
import { useNow } from "../ui/useNow.js";
import { DraftView } from "./draftView.js";
import { Emitted } from "./emitted.js";
import { titleOf } from "./registry/taskType.js";
import { useTaskType } from "./registry/useTaskTypes.js";

/** @typedef {import("herald/task.js").Task} Task */

/**
 * One task: its status, its steps, and its actions.
 *
 * @param {object} props
 * @param {Task} props.task
 * @param {boolean} props.showDraft whether the draft is open at first
 * @param {import("./activity.js").Actions} props.actions
 */
export function TaskCard({ task, showDraft, actions }) {
  const active = isActive(task);
  const type = useTaskType(task.type);
  const name = titleOf(task, type);
  return html`
    <li class="task" data-task-id=${task.taskId} data-status=${task.status}>
      <div class="task-head">
        <h3>${name}</h3>
        ${name !== type.label && html`<span class="muted">${type.label}</span>`}
        <span class="badge ${task.status}">${statusLabel(task.status)}</span>
        <time datetime=${task.createdAt}>${new Date(task.createdAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}</time>
      </div>
      ${active && html`<${Progress} task=${task} name=${name} />`}
      ${task.steps.length > 0 &&
      html`<ol class="steps">
        ${task.steps.map((step) => html`<li key=${step.name} class=${step.status}>${stepText(step)}<span class="visually-hidden"> (${step.status})</span></li>`)}
      </ol>`}
      ${task.emitted && html`<${Emitted} emitted=${task.emitted} />`}
      ${task.status === "processing" && html`<${Draft} taskId=${task.taskId} showDraft=${showDraft} />`}
      ${task.lastError && html`<p class="error">${task.lastError}</p>`}
      <div class="actions">
        <${Usage} usage=${task.usage} />
        ${active && html`<button class="secondary" aria-label=${`Cancel: ${name}`} onClick=${() => actions.cancel(task)}>Cancel</button>`}
        ${["failed", "cancelled"].includes(task.status) &&
        html`<button class="secondary" aria-label=${`Retry: ${name}`} onClick=${() => actions.retry(task)}>Retry</button>`}
        ${task.status === "completed" && html`<button aria-label=${`View: ${name}`} onClick=${() => actions.view(task)}>View</button>`}
      </div>
    </li>
  `;
}

/** @param {{task: Task, name: string}} props an active task */
function Progress({ task, name }) {
  return html`
    <div class="progress">
      <progress max="100" value=${task.progress} aria-label=${`Progress: ${name}`}></progress>
      <span class="percent">${`${task.progress}%`}</span>
    </div>
    <p class="current-step"><span data-current-step>${currentText(task)}</span> <${Times} task=${task} /></p>
  `;
}

/** The elapsed and the estimated time. @param {{task: Task}} props */
function Times({ task }) {
  const now = useNow();
  /** @param {string} time */
  const until = (time) => duration(Date.parse(time) - now);
  const times = [];
  if (task.status === "retrying" && task.nextRetryAt) times.push(`retries in ${until(task.nextRetryAt)}`);
  else if (task.status === "queued" && task.estimatedStart && !hasNoWorker(task)) times.push(`starts in about ${until(task.estimatedStart)}`);
  else if (task.estimatedCompletion) times.push(`about ${until(task.estimatedCompletion)} left`);
  if (task.startedAt) times.push(`${duration(now - Date.parse(task.startedAt))} elapsed`);
  return html`<span class="muted times">${times.join(" · ")}</span>`;
}

/** @param {{taskId: string, showDraft: boolean}} props */
function Draft({ taskId, showDraft }) {
  const [open, setOpen] = useState(showDraft);
  return html`
    <details class="draft-details" open=${open} onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
      <summary>Draft</summary>
      ${open && html`<${DraftView} taskId=${taskId} />`}
    </details>
  `;
}

/** The model that was used, and its cost. @param {{usage?: Task["usage"]}} props */
function Usage({ usage }) {
  if (!usage) return null;
  if (usage.provider === "offline") return html`<span class="muted note">Offline draft, written without an AI model</span>`;
  const tokens = (usage.inputTokens + usage.outputTokens).toLocaleString();
  const cost = usage.costUsd === undefined ? "" : ` · $${usage.costUsd.toFixed(4)}`;
  return html`<span class="muted note">${usage.model} · ${tokens} tokens${cost}</span>`;
}
