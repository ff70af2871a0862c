import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { errorMessage } from "../ui/labels.js";
import { useModal } from "../ui/useModal.js";
import { csv } from "./csv.js";
import { TASK_TYPES, nameOf } from "./task-types/index.js";

/**
 * Shows the stored result of a task, and exports it.
 *
 * @param {{task: import("herald/task.js").Task, load: () => Promise<any[]>, onClose: () => void}} props
 */
export function ResultDialog({ task, load, onClose }) {
  const dialog = useModal();
  const content = useRef(/** @type {HTMLElement | null} */ (null));
  const [documents, setDocuments] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState("");
  const { Result = RawResult, table = undefined } = TASK_TYPES[task.type] ?? {};

  const read = () => {
    setError("");
    load().then(setDocuments, (reason) => setError(errorMessage(reason)));
  };
  useEffect(read, []);

  return html`
    <dialog class="result" ref=${dialog} onClose=${onClose} aria-labelledby="result-title">
      <div class="result-head">
        <h2 id="result-title">${nameOf(task.type)}</h2>
        <div class="tools">
          ${documents &&
          html`
            <${Copy} text=${() => content.current?.innerText ?? ""} />
            <button class="secondary" title="Download as JSON" onClick=${() => download(`${task.taskId}.json`, "application/json", JSON.stringify(documents, null, 2))}>JSON</button>
            ${table && html`<button class="secondary" title="Download as CSV" onClick=${() => download(`${task.taskId}.csv`, "text/csv", csv(table.rows(documents), table.columns))}>CSV</button>`}
            <button class="secondary" onClick=${() => print()}>Print</button>
          `}
          <button class="secondary" onClick=${() => dialog.current?.close()}>Close</button>
        </div>
      </div>
      ${error && html`<p class="error" role="alert">${error} <button class="secondary" onClick=${read}>Retry</button></p>`}
      ${!documents && !error && html`<div class="loading" aria-label="Loading"><div></div><div></div></div>`}
      ${documents && task.usage?.provider === "offline" && html`<p class="muted">Offline draft: built from your input by fixed rules, without an AI model.</p>`}
      <div ref=${content}>${documents && html`<${Result} documents=${documents} />`}</div>
    </dialog>
  `;
}

/** The result of a task type that the page doesn't know. @param {{documents: any[]}} props */
function RawResult({ documents }) {
  return html`<pre tabindex="0">${JSON.stringify(documents, null, 2)}</pre>`;
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
