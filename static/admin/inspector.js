/** One task of any user, with its history. */
import { useEffect, useState } from "preact/hooks";

import { html } from "../ui/html.js";

const ENDED = ["completed", "failed", "cancelled"];

/** @param {{taskId: string, onInspect: (taskId: string) => void, getToken: () => Promise<string>, onCancel: (taskIds: string[]) => void, onRequeue: (taskIds: string[]) => void}} props */
export function Inspector({ taskId, onInspect, getToken, onCancel, onRequeue }) {
  const [found, setFound] = useState(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    if (!taskId) return;
    let wanted = true;
    read(taskId, getToken).then(
      (task) => wanted && (setFound(task), setFault("")),
      (error) => wanted && (setFound(null), setFault(error.message)),
    );
    return () => (wanted = false);
  }, [taskId]);

  const submit = (event) => {
    event.preventDefault();
    onInspect(String(new FormData(event.target).get("taskId")).trim());
  };
  return html`<section>
    <h2>One task</h2>
    <form class="inspect" onSubmit=${submit}>
      <label for="inspected">Task id</label>
      <input id="inspected" name="taskId" value=${taskId} autocomplete="off" required />
      <button>Inspect</button>
    </form>
    <div role="status">${fault && html`<p class="fault">${fault}</p>`}</div>
    ${found &&
    html`<p>
        <strong>${found.type}</strong> of ${found.userId}: ${found.status}, attempt ${found.attempt}
        ${found.lastError ? html`, <span class="fault">${found.lastError}</span>` : ""}${" "}
        ${ENDED.includes(found.status)
          ? found.status !== "completed" && html`<button onClick=${() => onRequeue([found.taskId])}>Queue again</button>`
          : html`<button onClick=${() => onCancel([found.taskId])}>Cancel</button>`}
      </p>
      ${found.traceparent && html`<p class="muted">Trace <code>${found.traceparent.split("-")[1]}</code></p>`}
      <ol class="history">
        ${found.history.map((entry) => html`<li><time datetime=${entry.at}>${new Date(entry.at).toLocaleTimeString()}</time> ${entry.status} by ${entry.by}${entry.note ? `: ${entry.note}` : ""}</li>`)}
      </ol>`}
  </section>`;
}

async function read(taskId, getToken) {
  const response = await fetch(`/api/ops/tasks/${encodeURIComponent(taskId)}`, {
    headers: { Authorization: `Bearer ${await getToken()}` },
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}
