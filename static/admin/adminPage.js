/** The operators' page. */
import { useEffect, useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { Line, Minutes } from "./charts.js";
import { Failures } from "./failures.js";
import { Inspector } from "./inspector.js";
import { Table } from "./table.js";
import { Workers } from "./workers.js";

const STATUSES = ["queued", "processing", "retrying"];

/** @param {{board: import("./overviewFeed.js").Board, service: import("herald/taskService.js").TaskService, getToken: () => Promise<string>}} props */
export function Ops({ board, service, getToken }) {
  const [{ live, overviews }, setSnapshot] = useState(board.getSnapshot());
  const [message, setMessage] = useState("");
  const [inspected, setInspected] = useState("");
  useEffect(() => {
    const end = board.subscribe(() => setSnapshot(board.getSnapshot()));
    board.connect();
    return () => {
      end();
      board.close();
    };
  }, [board]);

  /** Do something with each of the tasks, and say how it went. */
  const act = async (name, action, taskIds) => {
    const outcomes = await Promise.allSettled(taskIds.map((taskId) => action.call(service, taskId)));
    const failed = outcomes.filter(({ status }) => status === "rejected");
    const done = `${name} ${outcomes.length - failed.length} of ${outcomes.length}`;
    setMessage(failed.length ? `${done}: ${failed[0].reason.message}` : done);
  };
  const cancel = (taskIds) => act("Cancelled", service.cancel, taskIds);
  const requeue = (taskIds) => act("Queued again", service.retry, taskIds);

  const overview = overviews.at(-1);
  return html`<header>
      <h1><img src="/static/ui/icon.svg" alt="" width="28" height="28" /> Herald: operations</h1>
      <span class="connection ${live ? "live" : "offline"}" data-connection=${live ? "live" : "connecting"} role="status">${live ? "Live" : "Connecting"}</span>
      <span class="muted">${overview ? `as of ${new Date(overview.at).toLocaleTimeString()}` : ""}</span>
    </header>
    <main class="ops">
      <p role="status" class="message">${message}</p>
      ${overview
        ? html`<${Figures} overview=${overview} />
            <${Charts} overview=${overview} overviews=${overviews} />
            <${Workers} workers=${overview.workers} onCancel=${cancel} onInspect=${setInspected} />
            <${Hubs} hubs=${overview.hubs} />
            <${Failures} overview=${overview} onRequeue=${requeue} onInspect=${setInspected} />
            <${Inspector} taskId=${inspected} onInspect=${setInspected} getToken=${getToken} onCancel=${cancel} onRequeue=${requeue} />`
        : html`<p>Waiting for the first overview …</p>`}
    </main>`;
}

function Figures({ overview }) {
  const { queue, start, ended, workers, hubs } = overview;
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  const running = sum(workers.map(({ tasks }) => tasks.length));
  const figures = [
    ["Waiting", queue.depth, `longest ${seconds(queue.oldestWaitS)}`],
    ["Running", running, `of ${sum(workers.map(({ slots }) => slots))} slots, ${count(workers, "worker")}`],
    ["To start, p50", start ? seconds(start.p50S) : "–", start ? `of ${start.tasks} tasks` : "no task yet"],
    ["To start, p99", start ? seconds(start.p99S) : "–", "within the hour"],
    ["Completed", ended.completed, `since ${new Date(ended.since).toLocaleTimeString()}`],
    ["Failed", ended.failed, `${ended.cancelled} cancelled`],
    ["Connections", sum(hubs.map(({ connections }) => connections)), count(hubs, "hub")],
    ["Deliveries", sum(hubs.map(({ deliveriesPerS }) => deliveriesPerS)).toFixed(0), "a second"],
  ];
  return html`<dl class="figures">
      ${figures.map(([name, value, more]) => html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`)}
    </dl>
    <${Active} active=${overview.active} />`;
}

function Active({ active }) {
  const types = [...new Set(active.map(({ type }) => type))].sort();
  if (types.length === 0) return null;
  const count = (type, status) => active.find((each) => each.type === type && each.status === status)?.tasks ?? 0;
  return html`<${Table} name="Tasks that have not ended" heads=${["Not ended", ...STATUSES]}>
    ${types.map((type) => html`<tr><th scope="row">${type}</th>${STATUSES.map((status) => html`<td>${count(type, status)}</td>`)}</tr>`)}
  <//>`;
}

function Charts({ overview, overviews }) {
  const perSecond = (each) => each.hubs.reduce((all, hub) => all + hub.deliveriesPerS, 0);
  return html`<div class="charts">
    <${Minutes} title="Ended a minute" minutes=${overview.ended.minutes} />
    <${Line} title="Waiting" values=${overviews.map(({ queue }) => queue.depth)} />
    <${Line} title="To start, p99" unit=" s" values=${overviews.map(({ start }) => start?.p99S ?? 0)} />
    <${Line} title="Deliveries a second" values=${overviews.map((each) => Math.round(perSecond(each)))} />
  </div>`;
}

function Hubs({ hubs }) {
  return html`<section>
    <h2>Hubs</h2>
    <${Table} name="Hubs" heads=${["Node", "Connections", "Subscriptions", "Messages/s in", "Deliveries/s"]}>
      ${hubs.map((hub) => html`<tr key=${hub.node}><th scope="row">${hub.node}</th><td>${hub.connections}</td><td>${hub.subscriptions}</td><td>${hub.forwardedPerS}</td><td>${hub.deliveriesPerS}</td></tr>`)}
    <//>
  </section>`;
}

/** @param {unknown[]} things @param {string} name of one of them */
const count = (things, name) => `${things.length} ${name}${things.length === 1 ? "" : "s"}`;

/** @param {number} value */
function seconds(value) {
  return value < 120 ? `${Math.round(value * 100) / 100} s` : `${Math.round(value / 60)} min`;
}
