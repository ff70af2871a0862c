import { useContext, useEffect, useMemo, useState } from "preact/hooks";

import { Notifications } from "herald/notifications.js";
import { useTasks } from "herald/react.js";

import { html } from "../ui/html.js";
import { errorMessage } from "../ui/labels.js";
import { Toasts } from "../ui/toasts.js";
import { Activity } from "./activity.js";
import { Header } from "./header.js";
import { rememberType } from "./recentTypes.js";
import { endMessage } from "./registry/taskType.js";
import { TaskTypesContext, useTaskTypes } from "./registry/useTaskTypes.js";
import { ResultDialog } from "./resultDialog.js";
import { StartTasks } from "./startTasks.js";
import { TaskDialog } from "./taskDialog.js";

/** @typedef {import("herald/task.js").Task} Task */
/** @typedef {import("herald/notifications.js").Announcement} Announcement */
/** @typedef {import("../ui/toasts.js").Toast} Toast */
/** @typedef {import("./registry/taskType.js").TaskType} TaskType */

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
  const taskTypes = useContext(TaskTypesContext);
  const { types, loaded } = useTaskTypes();
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

  useEffect(() => taskTypes.start(), [taskTypes]);
  useEffect(() => taskTypes.need(snapshot.tasks.map(({ type }) => type)), [snapshot.tasks, loaded]);

  /**
   * The text of a notification.
   * @param {Announcement} announcement
   * @returns {{title: string, body?: string}}
   */
  function describe({ kind, tasks }) {
    const type = taskTypes.get(tasks[0].type);
    if (kind === "failed") return { title: endMessage(tasks[0], type, "failed"), body: tasks[0].lastError };
    if (tasks.length > 1) return { title: `${tasks.length} tasks are ready` };
    return { title: endMessage(tasks[0], type, "ready") };
  }

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

  /** @param {TaskType} type */
  const openForm = ({ type }) => {
    setStarting(type);
    void taskTypes.load(); // the form says whether a worker is online
  };

  /** @type {import("./taskDialog.js").Start} */
  const start = async (type, payload, idempotencyKey) => {
    feed.add(await service.create(type, payload, { idempotencyKey }));
    rememberType(type);
  };

  return html`
    <${Header} user=${user} />
    <main>
      ${snapshot.state === "offline" && html`<p class="banner" role="status">No connection. This page may be out of date; it reconnects automatically.</p>`}
      <${StartTasks} types=${types} loaded=${loaded} onStart=${openForm} />
      <${Activity} snapshot=${snapshot} filter=${filter} onFilter=${setFilter} actions=${actions} />
    </main>
    ${starting && html`<${TaskDialog} type=${taskTypes.get(starting)} start=${start} onClose=${() => setStarting(null)} />`}
    ${viewing && html`<${ResultDialog} key=${viewing.taskId} task=${viewing} load=${() => service.result(viewing.taskId)} onClose=${() => setViewing(null)} />`}
    <${Toasts} toasts=${toasts} onDismiss=${(/** @type {string} */ id) => setToasts((shown) => shown.filter((toast) => toast.id !== id))} />
  `;
}
