import { useEffect, useState } from "preact/hooks";

import { html } from "./html.js";
import { ResultDialog } from "./resultDialog.js";
import { TaskCard } from "./taskCard.js";
import { TaskDialog } from "./taskDialog.js";
import { TASK_TYPES } from "./taskTypes.js";
import { Toasts } from "./toasts.js";

const CONNECTION = { live: "Live", connecting: "Connecting…", closed: "Disconnected" };

/**
 * The demo app: start tasks, watch them, open what they made.
 *
 * @param {{user: string, feed: import("herald/taskFeed.js").TaskFeed, service: import("herald/taskService.js").TaskService}} props
 */
export function App({ user, feed, service }) {
  const [, redraw] = useState(0);
  const [starting, setStarting] = useState(null);
  const [viewing, setViewing] = useState(null);
  const [toasts, setToasts] = useState([]);

  const toast = (text, action) => setToasts((shown) => [...shown.slice(-3), { id: crypto.randomUUID(), text, action }]);

  useEffect(() => {
    const draw = () => redraw((count) => count + 1);
    const onChange = ({ detail }) => {
      draw();
      for (const { task, before } of detail.changed) {
        if (before && before.status !== task.status) tell(task);
      }
    };
    feed.addEventListener("change", onChange);
    feed.addEventListener("state", draw);
    feed.connect();
    return () => {
      feed.removeEventListener("change", onChange);
      feed.removeEventListener("state", draw);
      feed.close();
    };
  }, []);

  function tell(task) {
    const made = TASK_TYPES[task.type]?.made ?? "task";
    if (task.status === "completed") toast(`Your ${made} is ready`, { label: "View", run: () => setViewing(task) });
    if (task.status === "failed") toast(`Your ${made} could not be made: ${task.lastError}`);
  }

  const start = async (type, payload, idempotencyKey) => feed.add(await service.create(type, payload, { idempotencyKey }));
  const act = (method) => async (task) => {
    try {
      feed.add(await service[method](task.taskId));
    } catch (error) {
      toast(error.message);
    }
  };

  const tasks = feed.list();
  const running = feed.activeCount();
  return html`
    <header>
      <h1><img src="/static/app/icon.svg" alt="" width="28" height="28" /> Herald</h1>
      <span class="running" data-running=${running}>${running === 0 ? "Nothing runs" : running === 1 ? "1 task runs" : `${running} tasks run`}</span>
      <span class="connection ${feed.state}" data-connection=${feed.state} role="status">${CONNECTION[feed.state]}</span>
      <span class="user" title="You">${user}</span>
    </header>
    <main>
      <section class="types" aria-label="Start a task">
        ${Object.entries(TASK_TYPES).map(
          ([type, { verb, about }]) => html`
            <button class="type" key=${type} data-type=${type} onClick=${() => setStarting(type)}>
              <b>${verb}</b><span>${about}</span>
            </button>
          `,
        )}
      </section>
      <h2>Tasks</h2>
      ${tasks.length === 0 && html`<p class="muted empty">Start a task above: it runs in the background, and you see each step here as it happens.</p>`}
      <ul class="tasks">
        ${tasks.map((task) => html`<${TaskCard} key=${task.taskId} task=${task} feed=${feed} view=${setViewing} cancel=${act("cancel")} retry=${act("retry")} />`)}
      </ul>
    </main>
    ${starting && html`<${TaskDialog} type=${starting} start=${start} close=${() => setStarting(null)} />`}
    ${viewing && html`<${ResultDialog} task=${viewing} load=${(task) => service.result(task)} close=${() => setViewing(null)} />`}
    <${Toasts} toasts=${toasts} close=${(id) => setToasts((shown) => shown.filter((one) => one.id !== id))} />
  `;
}
