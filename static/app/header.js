import { useState } from "preact/hooks";

import { Notifications } from "herald/notifications.js";
import { isActive, overallProgress } from "herald/task.js";

import { html } from "../ui/html.js";
import { nameOf } from "./task-types/index.js";

const CONNECTION = {
  live: ["Live", "Changes are pushed as they happen"],
  connecting: ["Connecting…", "Not connected yet"],
  polling: ["Checking", "Nothing can be pushed at the moment, so the page asks for changes"],
  offline: ["Offline", "No connection; it goes on by itself"],
};

/**
 * Who you are, whether changes arrive, and what runs.
 *
 * @param {{user: string, snapshot: import("herald/taskFeed.js").Snapshot}} props
 */
export function Header({ user, snapshot }) {
  const [label, explanation] = CONNECTION[snapshot.state];
  return html`
    <header>
      <h1><img src="/static/ui/icon.svg" alt="" width="28" height="28" /> Herald</h1>
      <${Indicator} tasks=${snapshot.tasks.filter(isActive)} />
      <span class="connection ${snapshot.state}" data-connection=${snapshot.state} role="status" title=${explanation}>${label}</span>
      <${AllowNotifications} />
      <span class="user" title="You">${user}</span>
    </header>
  `;
}

function Indicator({ tasks }) {
  return html`
    <button class="indicator quiet" popovertarget="running" data-running=${tasks.length} disabled=${tasks.length === 0}>
      ${tasks.length === 0 ? "Nothing runs" : `${tasks.length} ${tasks.length === 1 ? "task runs" : "tasks run"} · ${overallProgress(tasks)} %`}
    </button>
    <div id="running" popover="auto" class="running-tasks" aria-label="Running tasks">
      ${tasks.length === 0 && html`<p class="muted">Nothing runs</p>`}
      <ul>
        ${tasks.slice(0, 12).map(
          (task) => html`<li key=${task.taskId}>
            <span>${nameOf(task.type)}</span><span class="muted">${task.currentStep ?? "Waits"}</span>
            <progress max="100" value=${task.progress} aria-label=${nameOf(task.type)}></progress>
          </li>`,
        )}
      </ul>
      ${tasks.length > 12 && html`<p class="muted">and ${tasks.length - 12} more</p>`}
    </div>
  `;
}

function AllowNotifications() {
  const [permission, setPermission] = useState(globalThis.Notification?.permission);
  if (permission !== "default") return null;
  return html`<button class="quiet" onClick=${() => Notifications.allow().then(setPermission)}>Notify me</button>`;
}
