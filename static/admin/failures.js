import { html } from "../ui/html.js";
import { typeLabel } from "../ui/words.js";
import { ACTIONS, Table } from "./table.js";

/**
 * The reasons for recent failures, and the tasks that failed last.
 *
 * @param {object} props
 * @param {import("./overviewFeed.js").Overview} props.overview
 * @param {(taskIds: string[]) => void} props.onRetry
 * @param {(taskId: string) => void} props.onInspect
 */
export function Failures({ overview, onRetry, onInspect }) {
  const { failed, ended } = overview;
  const most = Math.max(1, ...ended.reasons.map(({ tasks }) => tasks));
  const retryable = failed.filter((task) => task.retryable).map(({ taskId }) => taskId);
  return html`<section>
    <h2>Failures</h2>
    ${failed.length === 0 && html`<p class="muted">No recent failures</p>`}
    <dl class="reasons">
      ${ended.reasons.map(({ reason, tasks }) => html`<dt>${reason}</dt><dd><meter max=${most} value=${tasks} aria-label=${reason}>${tasks}</meter> ${tasks}</dd>`)}
    </dl>
    ${retryable.length > 0 && html`<p><button onClick=${() => onRetry(retryable)}>Retry ${retryable.length} retryable ${retryable.length === 1 ? "task" : "tasks"}</button></p>`}
    ${failed.length > 0 &&
    html`<${Table} name="Recently failed tasks" headings=${["Task", "User", "Reason", "Error", "Failed at", ACTIONS]}>
        ${failed.map(
          (task) => html`<tr key=${task.taskId}>
            <th scope="row"><button class="link" onClick=${() => onInspect(task.taskId)}>${typeLabel(task.type)} ${task.taskId.slice(0, 12)}</button></th>
            <td>${task.userId}</td>
            <td>${task.endReason}</td>
            <td>${task.lastError}</td>
            <td>${task.completedAt && new Date(task.completedAt).toLocaleTimeString()}</td>
            <td><button onClick=${() => onRetry([task.taskId])}>Retry</button></td>
          </tr>`,
        )}
    <//>`}
  </section>`;
}
