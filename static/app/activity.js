import { memo } from "preact/compat";
import { useState } from "preact/hooks";

import { ACTIVE, isActive } from "herald/task.js";

import { html } from "../ui/html.js";
import { TaskCard } from "./taskCard.js";

/** @typedef {import("herald/task.js").Task} Task */
/** @typedef {{label: string, status: readonly string[], matches: (task: Task) => boolean}} Filter */
/** @typedef {{status: readonly string[], limit: number, after?: string}} PageRequest */
/**
 * What a user can do with the tasks; always the same object.
 * @typedef {object} Actions
 * @property {(task: Task) => void} view
 * @property {(task: Task) => void} cancel
 * @property {(task: Task) => void} retry
 * @property {(page: PageRequest) => Promise<string | undefined>} loadOlder returns the cursor of the next page, if any
 */

/** @param {string} status @param {string} label @returns {Filter} */
const having = (status, label) => ({ label, status: [status], matches: (task) => task.status === status });

/** @type {Record<string, Filter>} */
export const FILTERS = {
  all: { label: "All", status: [], matches: () => true },
  active: { label: "Active", status: ACTIVE, matches: isActive },
  completed: having("completed", "Completed"),
  failed: having("failed", "Failed"),
  cancelled: having("cancelled", "Cancelled"),
};
const PAGE_SIZE = 20;
const Card = memo(TaskCard); // renders again only if its task has changed

/**
 * The user's tasks: those in the feed, and older ones on request.
 *
 * @param {object} props
 * @param {import("herald/taskFeed.js").Snapshot} props.snapshot
 * @param {string} props.filter
 * @param {(filter: string) => void} props.onFilter
 * @param {Actions} props.actions
 */
export function Activity({ snapshot, filter, onFilter, actions }) {
  const { label, status, matches } = FILTERS[filter];
  const tasks = snapshot.tasks.filter(matches);
  const newestRunning = snapshot.tasks.find((task) => task.status === "processing");
  return html`
    <section aria-labelledby="activity">
      <div class="activity-head">
        <h2 id="activity">Activity</h2>
        <div class="filters" role="group" aria-label="Filter tasks">
          ${Object.entries(FILTERS).map(
            ([name, each]) => html`<button class="secondary" key=${name} data-filter=${name} aria-pressed=${String(name === filter)} onClick=${() => onFilter(name)}>${each.label}</button>`,
          )}
        </div>
      </div>
      ${!snapshot.loaded && tasks.length === 0 && html`<div class="loading" aria-label="Loading"><div></div><div></div></div>`}
      ${snapshot.loaded &&
      tasks.length === 0 &&
      html`<p class="muted empty">
        ${filter === "all" ? "No recent tasks. Start one above: it runs in the background, and you can follow each step here." : `No ${label.toLowerCase()} tasks.`}
      </p>`}
      <ul class="tasks">
        ${tasks.map((task) => html`<${Card} key=${task.taskId} task=${task} showDraft=${task === newestRunning} actions=${actions} />`)}
      </ul>
      ${snapshot.loaded && html`<${OlderTasks} key=${filter} status=${status} load=${actions.loadOlder} />`}
    </section>
  `;
}

/** @param {{status: readonly string[], load: Actions["loadOlder"]}} props */
function OlderTasks({ status, load }) {
  const [after, setAfter] = useState(/** @type {string | undefined} */ (undefined));
  const [state, setState] = useState(/** @type {"more" | "loading" | "end" | "failed"} */ ("more"));

  async function loadMore() {
    setState("loading");
    try {
      const next = await load({ status, limit: PAGE_SIZE, after });
      setAfter(next);
      setState(next ? "more" : "end");
    } catch {
      setState("failed");
    }
  }

  if (state === "end") return html`<p class="muted empty" role="status">No more tasks.</p>`;
  return html`
    <div class="older">
      ${state === "failed" && html`<p class="error" role="alert">Couldn't load older tasks. Try again.</p>`}
      <button class="secondary" disabled=${state === "loading"} onClick=${loadMore}>Show older tasks</button>
    </div>
  `;
}
