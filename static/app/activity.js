import { useMemo, useRef, useState } from "preact/hooks";

import { isActive } from "herald/task.js";

import { html } from "../ui/html.js";
import { TaskCard } from "./taskCard.js";

export const FILTERS = {
  all: { label: "All", status: [], has: () => true },
  active: { label: "Running", status: ["queued", "processing", "retrying"], has: isActive },
  completed: { label: "Ready", status: ["completed"], has: (task) => task.status === "completed" },
  failed: { label: "Failed", status: ["failed"], has: (task) => task.status === "failed" },
  cancelled: { label: "Cancelled", status: ["cancelled"], has: (task) => task.status === "cancelled" },
};
const PAGE = 20;

/**
 * The user's tasks: those of the feed, and older ones on request.
 *
 * @param {object} props
 * @param {import("herald/taskFeed.js").Snapshot} props.snapshot
 * @param {import("herald/taskFeed.js").TaskFeed} props.feed
 * @param {string} props.filter
 * @param {(filter: string) => void} props.choose
 * @param {{view: Function, cancel: Function, retry: Function, older: Function}} props.actions always the same object
 */
export function Activity({ snapshot, feed, filter, choose, actions }) {
  const { label, has } = FILTERS[filter];
  const tasks = snapshot.tasks.filter(has);
  const newest = snapshot.tasks.find((task) => task.status === "processing")?.taskId;
  const card = useCards(feed, actions);
  return html`
    <section aria-labelledby="activity">
      <div class="activity-head">
        <h2 id="activity">Activity</h2>
        <div class="filters" role="group" aria-label="Show">
          ${Object.entries(FILTERS).map(
            ([name, each]) => html`<button class="quiet" key=${name} data-filter=${name} aria-pressed=${String(name === filter)} onClick=${() => choose(name)}>${each.label}</button>`,
          )}
        </div>
      </div>
      ${!snapshot.loaded && tasks.length === 0 && html`<div class="loading" aria-label="Loading"><div></div><div></div></div>`}
      ${snapshot.loaded &&
      tasks.length === 0 &&
      html`<p class="muted empty">
        ${filter === "all" ? "Start a task above: it runs in the background, and you see each step here as it happens." : `No tasks under “${label}”.`}
      </p>`}
      <ul class="tasks">${tasks.map((task) => card(task, task.taskId === newest))}</ul>
      ${snapshot.loaded && html`<${Older} key=${filter} status=${FILTERS[filter].status} older=${actions.older} />`}
    </section>
  `;
}

/** A function that gives the same element for the same task, so that only cards that have changed are drawn. */
function useCards(feed, actions) {
  const drawn = useRef(new WeakMap());
  return useMemo(
    () => (task, newest) => {
      const known = drawn.current.get(task);
      if (known?.newest === newest) return known.element;
      const element = html`<${TaskCard} key=${task.taskId} task=${task} newest=${newest} feed=${feed} actions=${actions} />`;
      drawn.current.set(task, { newest, element });
      return element;
    },
    [feed, actions],
  );
}

function Older({ status, older }) {
  const [after, setAfter] = useState(undefined);
  const [state, setState] = useState("more");

  async function load() {
    setState("loading");
    try {
      const next = await older({ status, limit: PAGE, after });
      setAfter(next);
      setState(next ? "more" : "all");
    } catch {
      setState("failed");
    }
  }

  if (state === "all") return html`<p class="muted empty" role="status">These are all.</p>`;
  return html`
    <div class="older">
      ${state === "failed" && html`<p class="fault" role="alert">They could not be read. Try again.</p>`}
      <button class="quiet" disabled=${state === "loading"} onClick=${load}>Show older tasks</button>
    </div>
  `;
}
