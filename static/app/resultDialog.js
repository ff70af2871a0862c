import { useEffect, useRef, useState } from "preact/hooks";

import { csv } from "./csv.js";
import { html } from "../ui/html.js";
import { BrandKit } from "./task-types/brandKit.js";
import { MediaPlan } from "./task-types/mediaPlan.js";
import { Personas } from "./task-types/personas.js";
import { nameOf } from "./task-types/index.js";

/** How each type's documents are shown, and which rows a spreadsheet gets. */
const VIEWS = {
  GENERATE_MEDIA_PLAN: {
    View: MediaPlan,
    rows: ([plan]) => plan.calendar,
    columns: ["date", "week", "channel", "title", "copy", "hashtags", "callToAction"],
  },
  GENERATE_BRAND_KIT: { View: BrandKit, rows: ([kit]) => kit.palette, columns: ["role", "name", "hex", "usage", "pairedWith", "contrast"] },
  AUTO_GENERATE_PERSONAS: {
    View: Personas,
    rows: (people) => people,
    columns: ["name", "age", "occupation", "segment", "situation", "need", "goals", "frustrations", "objections", "channels", "quote"],
  },
};

/**
 * The stored result of a task, read from the server.
 *
 * @param {{task: import("herald/task.js").Task, load: () => Promise<any[]>, close: () => void}} props
 */
export function ResultDialog({ task, load, close }) {
  const dialog = useRef(null);
  const content = useRef(null);
  const [documents, setDocuments] = useState(null);
  const [problem, setProblem] = useState(null);
  const { View, rows, columns } = VIEWS[task.type] ?? { View: Raw };

  const read = () => {
    setProblem(null);
    load().then(setDocuments, setProblem);
  };
  useEffect(() => {
    dialog.current.showModal();
    read();
  }, []);

  return html`
    <dialog class="result" ref=${dialog} onClose=${close} aria-labelledby="result-title">
      <div class="result-head">
        <h2 id="result-title">${nameOf(task.type)}</h2>
        <div class="tools">
          ${documents &&
          html`
            <${Copy} text=${() => content.current.innerText} />
            <button class="quiet" onClick=${() => save(`${task.taskId}.json`, "application/json", JSON.stringify(documents, null, 2))}>JSON</button>
            ${rows && html`<button class="quiet" onClick=${() => save(`${task.taskId}.csv`, "text/csv", csv(rows(documents), columns))}>CSV</button>`}
            <button class="quiet" onClick=${() => print()}>Print</button>
          `}
          <button class="quiet" onClick=${() => dialog.current.close()}>Close</button>
        </div>
      </div>
      ${problem && html`<p class="fault" role="alert">${problem.message} <button class="quiet" onClick=${read}>Read again</button></p>`}
      ${!documents && !problem && html`<div class="loading" aria-label="Loading"><div></div><div></div></div>`}
      ${documents && task.usage?.provider === "offline" && html`<p class="muted">An offline draft: rules have made it from your words, without a model.</p>`}
      <div ref=${content}>${documents && html`<${View} documents=${documents} />`}</div>
    </dialog>
  `;
}

/** What is shown of a type that the page does not know. */
function Raw({ documents }) {
  return html`<pre tabindex="0">${JSON.stringify(documents, null, 2)}</pre>`;
}

function Copy({ text }) {
  const [label, setLabel] = useState("Copy");
  const copy = () => navigator.clipboard.writeText(text()).then(
    () => setLabel("Copied"),
    () => setLabel("Not allowed"),
  );
  return html`<button class="quiet" onClick=${copy} aria-live="polite">${label}</button>`;
}

/** Hand a file to the browser's downloads. */
function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
