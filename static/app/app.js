import { useEffect, useMemo, useState } from "preact/hooks";

import { Notifications } from "herald/notifications.js";
import { useTasks } from "herald/react.js";

import { html } from "../ui/html.js";
import { errorMessage } from "../ui/labels.js";
import { Toasts } from "../ui/toasts.js";
import { Activity } from "./activity.js";
import { Header } from "./header.js";
import { ResultDialog } from "./resultDialog.js";
import { TASK_TYPES } from "./task-types/index.js";
import { TaskDialog } from "./taskDialog.js";

/** @typedef {import("herald/task.js").Task} Task */
/** @typedef {import("herald/notifications.js").Announcement} Announcement */
/** @typedef {import("../ui/toasts.js").Toast} Toast */

/**
 * A result as a list of documents: a type may store each item of its only list as a document of its own.
 * @param {any} result
 * @returns {any[]}
 */
function documentsOf(result) {
  const [first, ...others] = Object.values(result);
  return others.length === 0 && Array.isArray(first) ? first : [result];
}

/**
 * The demo app: start tasks, follow them, and view their results.
 *
 * @param {object} props
 * @param {string} props.user
 * @param {import("herald/taskFeed.js").TaskFeed} props.feed
 * @param {import("herald/taskService.js").TaskService} props.service
 */
export function App({ user, feed, service }) {
  const snapshot = useTasks();
  const [starting, setStarting] = useState(/** @type {string | null} */ (null));
  const [viewing, setViewing] = useState(/** @type {Task | null} */ (null));
  const [filter, setFilter] = useState("all");
  const [toasts, setToasts] = useState(/** @type {Toast[]} */ ([]));

  /** @param {string} text @param {Partial<Toast>} [options] */
  const showToast = (text, options) => setToasts((shown) => [...shown.slice(-3), { id: crypto.randomUUID(), text, ...options }]);

  const actions = useMemo(() => {
    /** @param {(task: Task) => Promise<Task>} request */
    const change = (request) => async (/** @type {Task} */ task) => {
      try {
        feed.add(await request(task));
      } catch (error) {
        showToast(errorMessage(error), { persistent: true });
      }
    };
    return {
      view: setViewing,
      cancel: change(({ taskId }) => service.cancel(taskId)),
      retry: change(({ taskId }) => service.retry(taskId)),
      /** @param {import("./activity.js").PageRequest} page */
      async loadOlder(page) {
        const { tasks, after } = await service.list(page);
        for (const task of tasks) feed.add(task);
        return after;
      },
    };
  }, [feed, service]);

  useEffect(() => {
    const notifications = new Notifications({ feed, user, show: announce, describe });
    notifications.start();
    return () => notifications.stop();
  }, [feed]);

  /** @param {Announcement} announcement */
  function announce(announcement) {
    const { kind, tasks } = announcement;
    const { title, body } = describe(announcement);
    if (kind === "failed") {
      showToast(`${title}: ${body}`, { persistent: true, action: { label: "Retry", run: () => actions.retry(tasks[0]) } });
    } else {
      const view = tasks.length === 1 ? () => setViewing(tasks[0]) : showCompleted;
      showToast(title, { action: { label: "View", run: view } });
    }
  }

  function showCompleted() {
    setFilter("completed");
    document.getElementById("activity")?.scrollIntoView();
  }

  /** @type {import("./taskDialog.js").Start} */
  const start = async (type, payload, idempotencyKey) => {
    feed.add(await service.create(type, payload, { idempotencyKey }));
  };

  return html`
    <${Header} user=${user} />
    <main>
      ${snapshot.state === "offline" && html`<p class="banner" role="status">No connection. This page may be out of date; it reconnects automatically.</p>`}
      <section class="task-types" aria-label="Start a task">
        ${Object.entries(TASK_TYPES).map(
          ([type, { action, about }]) => html`
            <button class="task-type" key=${type} data-type=${type} onClick=${() => setStarting(type)}>
              <b>${action}</b><span>${about}</span>
            </button>
          `,
        )}
      </section>
      <${Activity} snapshot=${snapshot} filter=${filter} onFilter=${setFilter} actions=${actions} />
    </main>
    ${starting && html`<${TaskDialog} type=${starting} start=${start} onClose=${() => setStarting(null)} />`}
    ${viewing && html`<${ResultDialog} key=${viewing.taskId} task=${viewing} load=${() => service.result(viewing.taskId).then(documentsOf)} onClose=${() => setViewing(null)} />`}
    <${Toasts} toasts=${toasts} onDismiss=${(/** @type {string} */ id) => setToasts((shown) => shown.filter((toast) => toast.id !== id))} />
  `;
}

/**
 * The text of a notification.
 * @param {Announcement} announcement
 * @returns {{title: string, body?: string}}
 */
function describe({ kind, tasks }) {
  const type = TASK_TYPES[tasks[0].type];
  if (kind === "failed") return { title: type?.failed ?? "Your task failed", body: tasks[0].lastError };
  if (tasks.length > 1) return { title: `${tasks.length} tasks are ready` };
  return { title: type?.ready ?? "Your task is ready" };
}
