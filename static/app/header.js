import { useState } from "preact/hooks";

import { Notifications } from "herald/notifications.js";
import { useBackgroundTasks } from "herald/react.js";

import { Connection } from "../ui/connection.js";
import { html } from "../ui/html.js";
import { currentText } from "../ui/taskTexts.js";
import { titleOf } from "./registry/taskType.js";
import { useTaskType } from "./registry/useTaskTypes.js";

/** @typedef {import("herald/task.js").Task} Task */

const MAX_LISTED = 12;

/**
 * The user, the state of the connection, and the active tasks.
 *
 * @param {{user: string}} props
 */
export function Header({ user }) {
  const { tasks, progress, state } = useBackgroundTasks();
  return html`
    <header>
      <h1><img src="/static/ui/icon.svg" alt="" width="28" height="28" /> Herald</h1>
      <${Indicator} tasks=${tasks} progress=${progress} />
      <${Connection} state=${state} />
      <${AllowNotifications} />
      <span class="user" title="Current user">${user}</span>
    </header>
  `;
}

/** @param {{tasks: Task[], progress: number}} props the active tasks */
function Indicator({ tasks, progress }) {
  return html`
    <button class="indicator secondary" popovertarget="active-tasks" data-running=${tasks.length} disabled=${tasks.length === 0}>
      ${tasks.length === 0 ? "No active tasks" : `${summary(tasks)} · ${progress}%`}
    </button>
    <div id="active-tasks" popover="auto" class="active-tasks" aria-label="Active tasks">
      ${tasks.length === 0 && html`<p class="muted">No active tasks</p>`}
      <ul>
        ${tasks.slice(0, MAX_LISTED).map((task) => html`<${ActiveTask} key=${task.taskId} task=${task} />`)}
      </ul>
      ${tasks.length > MAX_LISTED && html`<p class="muted">and ${tasks.length - MAX_LISTED} more</p>`}
    </div>
  `;
}

/** @param {{task: Task}} props */
function ActiveTask({ task }) {
  const name = titleOf(task, useTaskType(task.type));
  return html`<li>
    <span>${name}</span><span class="muted">${currentText(task)}</span>
    <progress max="100" value=${task.progress} aria-label=${name}></progress>
  </li>`;
}

/** @param {Task[]} tasks active ones @returns {string} such as `2 running, 1 queued` */
function summary(tasks) {
  const queued = tasks.filter(({ status }) => status === "queued").length;
  const running = tasks.length - queued;
  return [running && `${running} running`, queued && `${queued} queued`].filter(Boolean).join(", ");
}

function AllowNotifications() {
  const [permission, setPermission] = useState(
    /** @type {NotificationPermission | "unsupported" | undefined} */ (globalThis.Notification?.permission),
  );
  if (permission !== "default") return null;
  return html`<button class="secondary" onClick=${() => Notifications.allow().then(setPermission)} title="Show a notification when a task ends while this page is hidden">Notify me</button>`;
}
