import { useSyncExternalStore } from "preact/compat";
import { useEffect, useState } from "preact/hooks";

import { ACTIVE } from "herald/task.js";

import { Connection } from "../ui/connection.js";
import { html } from "../ui/html.js";
import { errorMessage, statusLabel } from "../ui/labels.js";
import { typeLabel } from "../ui/words.js";
import { BarChart, LineChart } from "./charts.js";
import { Failures } from "./failures.js";
import { Inspector } from "./inspector.js";
import { Table } from "./table.js";
import { TaskTypes } from "./taskTypes.js";
import { offlineTypes, useRegistrations } from "./useRegistrations.js";
import { Workers } from "./workers.js";

/** @typedef {import("./overviewFeed.js").Overview} Overview */

/**
 * The operators' page: the queue, the workers, the hubs and the failures, live.
 *
 * @param {object} props
 * @param {import("./overviewFeed.js").OverviewFeed} props.feed
 * @param {import("herald/taskService.js").TaskService} props.service
 * @param {() => Promise<string>} props.getToken
 */
export function AdminPage({ feed, service, getToken }) {
  const { live, overviews } = useSyncExternalStore(feed.subscribe, feed.getSnapshot);
  const [message, setMessage] = useState("");
  const [inspectedId, setInspectedId] = useState("");
  useEffect(() => {
    feed.connect();
    return () => feed.close();
  }, [feed]);

  /**
   * Send a request for each of the tasks, and show how many succeeded.
   * @param {string} verb in the past tense
   * @param {(taskId: string) => Promise<unknown>} request
   * @returns {(taskIds: string[]) => Promise<void>}
   */
  const forEach = (verb, request) => async (taskIds) => {
    const outcomes = await Promise.allSettled(taskIds.map(request));
    const failures = outcomes.filter((outcome) => outcome.status === "rejected");
    const summary = `${verb} ${outcomes.length - failures.length} of ${outcomes.length}`;
    setMessage(failures.length > 0 ? `${summary}: ${errorMessage(failures[0].reason)}` : summary);
  };
  const cancel = forEach("Cancelled", (taskId) => service.cancel(taskId));
  const retry = forEach("Retried", (taskId) => service.retry(taskId));

  const overview = overviews.at(-1);
  const registrations = useRegistrations(getToken, overview?.workers.map(({ name }) => name).join() ?? "");
  return html`<header>
      <h1><img src="/static/ui/icon.svg" alt="" width="28" height="28" /> Herald operations</h1>
      <${Connection} state=${live ? "live" : "connecting"} />
      <span class="muted">${overview ? `Updated ${new Date(overview.at).toLocaleTimeString()}` : ""}</span>
    </header>
    <main class="admin">
      <p role="status" class="message">${message}</p>
      ${overview
        ? html`<${Stats} overview=${overview} offline=${offlineTypes(registrations)} />
            <${Charts} overview=${overview} overviews=${overviews} />
            <${Workers} workers=${overview.workers} onCancel=${cancel} onInspect=${setInspectedId} />
            ${registrations && html`<${TaskTypes} registrations=${registrations} />`}
            <${Hubs} hubs=${overview.hubs} />
            <${Failures} overview=${overview} onRetry=${retry} onInspect=${setInspectedId} />
            <${Inspector} taskId=${inspectedId} onInspect=${setInspectedId} getToken=${getToken} onCancel=${cancel} onRetry=${retry} />`
        : html`<p>Waiting for data…</p>`}
    </main>`;
}

/** @param {{overview: Overview, offline: Set<string>}} props `offline`: the types that no worker runs */
function Stats({ overview, offline }) {
  const { queue, start, ended, workers, hubs } = overview;
  const running = sum(workers.map(({ tasks }) => tasks.length));
  const stats = [
    ["Queued", queue.depth, `longest wait ${seconds(queue.oldestWaitS)}`],
    ["Running", running, `of ${sum(workers.map(({ slots }) => slots))} slots, ${count(workers.length, "worker")}`],
    ["Queue wait, p50", start ? seconds(start.p50S) : "–", start ? `over ${count(start.tasks, "task")}` : "no tasks yet"],
    ["Queue wait, p99", start ? seconds(start.p99S) : "–", "last hour"],
    ["Completed", ended.completed, `since ${new Date(ended.since).toLocaleTimeString()}`],
    ["Failed", ended.failed, `${ended.cancelled} cancelled`],
    ["Connections", sum(hubs.map(({ connections }) => connections)), count(hubs.length, "hub")],
    ["Deliveries", sum(hubs.map(({ deliveriesPerS }) => deliveriesPerS)).toFixed(0), "per second"],
  ];
  return html`<dl class="stats">
      ${stats.map(([name, value, detail]) => html`<div><dt>${name}</dt><dd>${value}<small>${detail}</small></dd></div>`)}
    </dl>
    <${ActiveTasks} active=${overview.active} offline=${offline} />`;
}

/** @param {{active: Overview["active"], offline: Set<string>}} props */
function ActiveTasks({ active, offline }) {
  const types = [...new Set(active.map(({ type }) => type))].sort();
  if (types.length === 0) return null;
  /** @param {string} type @param {string} status */
  const tasksOf = (type, status) => active.find((each) => each.type === type && each.status === status)?.tasks ?? 0;
  return html`<${Table} name="Active tasks by type" headings=${["Active tasks", ...ACTIVE.map(statusLabel)]}>
    ${types.map((type) => html`<tr><th scope="row">${typeLabel(type)} ${offline.has(type) && html`<span class="error">No worker online</span>`}</th>${ACTIVE.map((status) => html`<td>${tasksOf(type, status)}</td>`)}</tr>`)}
  <//>`;
}

/** @param {{overview: Overview, overviews: readonly Overview[]}} props */
function Charts({ overview, overviews }) {
  return html`<div class="charts">
    <${BarChart} title="Tasks ended per minute" minutes=${overview.ended.minutes} />
    <${LineChart} title="Queued" values=${overviews.map(({ queue }) => queue.depth)} />
    <${LineChart} title="Queue wait, p99" unit=" s" values=${overviews.map(({ start }) => start?.p99S ?? 0)} />
    <${LineChart} title="Deliveries per second" values=${overviews.map(({ hubs }) => Math.round(sum(hubs.map(({ deliveriesPerS }) => deliveriesPerS))))} />
  </div>`;
}

/** @param {{hubs: import("./overviewFeed.js").Hub[]}} props */
function Hubs({ hubs }) {
  return html`<section>
    <h2>Hubs</h2>
    <${Table} name="Hubs" headings=${["Hub", "Connections", "Subscriptions", "Messages in/s", "Deliveries/s"]}>
      ${hubs.map((hub) => html`<tr key=${hub.node}><th scope="row">${hub.node}</th><td>${hub.connections}</td><td>${hub.subscriptions}</td><td>${hub.forwardedPerS}</td><td>${hub.deliveriesPerS}</td></tr>`)}
    <//>
  </section>`;
}

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** @param {number} number @param {string} noun singular */
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** @param {number} value */
function seconds(value) {
  return value < 120 ? `${Math.round(value * 100) / 100} s` : `${Math.round(value / 60)} min`;
}
