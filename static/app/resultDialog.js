import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { errorMessage } from "../ui/labels.js";
import { useModal } from "../ui/useModal.js";
import { csv } from "./csv.js";
import { titleOf } from "./registry/taskType.js";
import { useTaskType } from "./registry/useTaskTypes.js";
import { Document } from "./results/document.js";

/**
 * Shows the result of a task, and exports it.
 *
 * @param {{task: import("herald/task.js").Task, load: () => Promise<any>, onClose: () => void}} props
 */
export function ResultDialog({ task, load, onClose }) {
  const dialog = useModal();
  const content = useRef(/** @type {HTMLElement | null} */ (null));
  const [loaded, setLoaded] = useState(/** @type {{result: any} | null} */ (null));
  const [error, setError] = useState("");
  const type = useTaskType(task.type);
  const { Result } = type;
  const table = loaded && type.table(loaded.result);

  const read = () => {
    setError("");
    load().then(
      (result) => setLoaded({ result }),
      (reason) => setError(errorMessage(reason)),
    );
  };
  useEffect(read, []);

  return html`
    <dialog class="result" ref=${dialog} onClose=${onClose} aria-labelledby="result-title">
      <div class="result-head">
        <h2 id="result-title">${titleOf(task, type)}</h2>
        <div class="tools">
          ${loaded &&
          html`
            <${Copy} text=${() => content.current?.innerText ?? ""} />
            <button class="secondary" title="Download as JSON" onClick=${() => download(`${task.taskId}.json`, "application/json", JSON.stringify(loaded.result, null, 2))}>JSON</button>
            ${table && html`<button class="secondary" title="Download as CSV" onClick=${() => download(`${task.taskId}.csv`, "text/csv", csv(table.rows, table.columns))}>CSV</button>`}
            <button class="secondary" onClick=${() => print()}>Print</button>
          `}
          <button class="secondary" onClick=${() => dialog.current?.close()}>Close</button>
        </div>
      </div>
      ${error && html`<p class="error" role="alert">${error} <button class="secondary" onClick=${read}>Retry</button></p>`}
      ${!loaded && !error && html`<div class="loading" aria-label="Loading"><div></div><div></div></div>`}
      ${loaded && task.usage?.provider === "offline" && html`<p class="muted">Offline draft: built from your input by fixed rules, without an AI model.</p>`}
      <div ref=${content}>${loaded && (Result ? html`<${Result} result=${loaded.result} />` : html`<${Document} value=${loaded.result} schema=${type.resultSchema} />`)}</div>
    </dialog>
  `;
}

/** @param {{text: () => string}} props */
function Copy({ text }) {
  const [label, setLabel] = useState("Copy");
  const copy = () =>
    navigator.clipboard.writeText(text()).then(
      () => setLabel("Copied"),
      () => setLabel("Couldn't copy"),
    );
  return html`<button class="secondary" onClick=${copy} aria-live="polite">${label}</button>`;
}

/**
 * Save a file through the browser.
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
