import { html } from "../ui/html.js";
import { typeLabel } from "../ui/words.js";
import { ACTIONS, Table } from "./table.js";

/**
 * The workers and their running tasks.
 *
 * @param {object} props
 * @param {import("./overviewFeed.js").Worker[]} props.workers
 * @param {(taskIds: string[]) => void} props.onCancel
 * @param {(taskId: string) => void} props.onInspect
 */
export function Workers({ workers, onCancel, onInspect }) {
  return html`<section>
    <h2>Workers</h2>
    ${workers.length === 0 && html`<p class="error">No workers are running, so queued tasks won't start.</p>`}
    ${workers.map((worker) => html`<${WorkerView} key=${worker.name} worker=${worker} onCancel=${onCancel} onInspect=${onInspect} />`)}
  </section>`;
}

/** @param {{worker: import("./overviewFeed.js").Worker, onCancel: (taskIds: string[]) => void, onInspect: (taskId: string) => void}} props */
function WorkerView({ worker, onCancel, onInspect }) {
  return html`<div class="worker">
    <h3>${worker.name} <small class="muted">${worker.tasks.length} of ${worker.slots} slots in use</small></h3>
    ${worker.tasks.length > 0 &&
    html`<${Table} name="Tasks of ${worker.name}" headings=${["Task", "User", "Step", "Progress", "Attempt", ACTIONS]}>
        ${worker.tasks.map(
          (task) => html`<tr key=${task.taskId}>
            <th scope="row"><button class="link" onClick=${() => onInspect(task.taskId)}>${typeLabel(task.type)} ${task.taskId.slice(0, 12)}</button></th>
            <td>${task.userId}</td>
            <td>${task.currentStep ?? ""}</td>
            <td><progress max="100" value=${task.progress} aria-label="Progress of ${task.taskId}">${task.progress}%</progress> ${task.progress}%</td>
            <td>${task.attempt}</td>
            <td><button onClick=${() => onCancel([task.taskId])}>Cancel</button></td>
          </tr>`,
        )}
    <//>`}
  </div>`;
}
