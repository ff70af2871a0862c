/** The workers, and what each of them is at. */
import { html } from "../ui/html.js";
import { ACTIONS, Table } from "./table.js";

/** @param {{workers: any[], onCancel: (taskIds: string[]) => void, onInspect: (taskId: string) => void}} props */
export function Workers({ workers, onCancel, onInspect }) {
  return html`<section>
    <h2>Workers</h2>
    ${workers.length === 0 && html`<p class="fault">No worker lives: nothing that waits will start.</p>`}
    ${workers.map((worker) => html`<${Worker} key=${worker.name} worker=${worker} onCancel=${onCancel} onInspect=${onInspect} />`)}
  </section>`;
}

function Worker({ worker, onCancel, onInspect }) {
  return html`<div class="worker">
    <h3>${worker.name} <small class="muted">${worker.tasks.length} of ${worker.slots} slots</small></h3>
    ${worker.tasks.length > 0 &&
    html`<${Table} name="Tasks of ${worker.name}" heads=${["Task", "User", "Step", "Progress", "Attempt", ACTIONS]}>
        ${worker.tasks.map(
          (task) => html`<tr key=${task.taskId}>
            <th scope="row"><button class="link" onClick=${() => onInspect(task.taskId)}>${task.type} ${task.taskId.slice(0, 12)}</button></th>
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
