import { useEffect, useMemo, useState } from "preact/hooks";

import { Notifications } from "herald/notifications.js";

import { Activity } from "./activity.js";
import { Header } from "./header.js";
import { useFeed } from "./hooks.js";
import { html } from "../ui/html.js";
import { ResultDialog } from "./resultDialog.js";
import { TaskDialog } from "./taskDialog.js";
import { TASK_TYPES } from "./task-types/index.js";
import { Toasts } from "../ui/toasts.js";

/**
 * The demo app: start tasks, watch them, open what they made.
 *
 * @param {{user: string, feed: import("herald/taskFeed.js").TaskFeed, service: import("herald/taskService.js").TaskService}} props
 */
export function App({ user, feed, service }) {
  const snapshot = useFeed(feed);
  const [starting, setStarting] = useState(null);
  const [viewing, setViewing] = useState(null);
  const [filter, setFilter] = useState("all");
  const [toasts, setToasts] = useState([]);

  const actions = useMemo(() => {
    const toast = (text, more) => setToasts((shown) => [...shown.slice(-3), { id: crypto.randomUUID(), text, ...more }]);
    const change = (method) => async (task) => {
      try {
        feed.add(await service[method](task.taskId));
      } catch (error) {
        toast(error.message, { lasting: true });
      }
    };
    return {
      toast,
      view: setViewing,
      cancel: change("cancel"),
      retry: change("retry"),
      async older(page) {
        const { tasks, after } = await service.list(page);
        for (const task of tasks) feed.add(task);
        return after;
      },
    };
  }, [feed, service]);

  useEffect(() => {
    const notifications = new Notifications({ feed, user, show: (ended) => tell(ended), describe });
    feed.connect();
    notifications.start();
    return () => {
      notifications.stop();
      feed.close();
    };
  }, [feed]);

  function tell(ended) {
    const [task] = ended.tasks;
    if (ended.kind === "failed") {
      actions.toast(describe(ended).body, { lasting: true, action: { label: "Retry", run: () => actions.retry(task) } });
    } else if (ended.tasks.length === 1) {
      actions.toast(describe(ended).title, { action: { label: "View", run: () => setViewing(task) } });
    } else {
      actions.toast(describe(ended).title, { action: { label: "View", run: () => showCompleted() } });
    }
  }

  function showCompleted() {
    setFilter("completed");
    document.getElementById("activity").scrollIntoView();
  }

  const start = async (type, payload, idempotencyKey) => feed.add(await service.create(type, payload, { idempotencyKey }));

  return html`
    <${Header} user=${user} snapshot=${snapshot} />
    <main>
      ${snapshot.state === "offline" && html`<p class="banner" role="status">No connection. What you see may be old; the page goes on by itself.</p>`}
      <section class="types" aria-label="Start a task">
        ${Object.entries(TASK_TYPES).map(
          ([type, { verb, about }]) => html`
            <button class="type" key=${type} data-type=${type} onClick=${() => setStarting(type)}>
              <b>${verb}</b><span>${about}</span>
            </button>
          `,
        )}
      </section>
      <${Activity} snapshot=${snapshot} feed=${feed} filter=${filter} choose=${setFilter} actions=${actions} />
    </main>
    ${starting && html`<${TaskDialog} type=${starting} start=${start} close=${() => setStarting(null)} />`}
    ${viewing && html`<${ResultDialog} key=${viewing.taskId} task=${viewing} load=${() => service.results(viewing)} close=${() => setViewing(null)} />`}
    <${Toasts} toasts=${toasts} close=${(id) => setToasts((shown) => shown.filter((one) => one.id !== id))} />
  `;
}

/** @param {import("herald/notifications.js").Announcement} ended */
function describe({ kind, tasks }) {
  const made = TASK_TYPES[tasks[0].type]?.made ?? "task";
  if (kind === "failed") return { title: `Your ${made} has failed`, body: `Your ${made} could not be made: ${tasks[0].lastError}` };
  return tasks.length === 1 ? { title: `Your ${made} is ready` } : { title: `${tasks.length} tasks are ready` };
}
