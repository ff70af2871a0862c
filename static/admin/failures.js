/** Why tasks have failed, and those that failed last. */
import { html } from "../ui/html.js";
import { ACTIONS, Table } from "./table.js";

/** @param {{overview: any, onRequeue: (taskIds: string[]) => void, onInspect: (taskId: string) => void}} props */
export function Failures({ overview, onRequeue, onInspect }) {
  const { failed, ended } = overview;
  const most = Math.max(1, ...ended.reasons.map(({ tasks }) => tasks));
  const retryable = failed.filter(({ retryable: may }) => may).map(({ taskId }) => taskId);
  return html`<section>
    <h2>Failures</h2>
    ${failed.length === 0 && html`<p class="muted">None.</p>`}
    <dl class="reasons">
      ${ended.reasons.map(({ reason, tasks }) => html`<dt>${reason}</dt><dd><meter max=${most} value=${tasks} aria-label=${reason}>${tasks}</meter> ${tasks}</dd>`)}
    </dl>
    ${retryable.length > 0 &&
    html`<p><button onClick=${() => onRequeue(retryable)}>Queue the ${retryable.length} again that may succeed</button></p>`}
    ${failed.length > 0 &&
    html`<${Table} name="Tasks that failed last" heads=${["Task", "User", "Reason", "What was wrong", "Ended", ACTIONS]}>
        ${failed.map(
          (task) => html`<tr key=${task.taskId}>
            <th scope="row"><button class="link" onClick=${() => onInspect(task.taskId)}>${task.type} ${task.taskId.slice(0, 12)}</button></th>
            <td>${task.userId}</td>
            <td>${task.endReason}</td>
            <td>${task.lastError}</td>
            <td>${new Date(task.completedAt).toLocaleTimeString()}</td>
            <td><button onClick=${() => onRequeue([task.taskId])}>Queue again</button></td>
          </tr>`,
        )}
    <//>`}
  </section>`;
}
