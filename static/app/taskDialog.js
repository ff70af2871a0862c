import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "./html.js";
import { TASK_TYPES, payloadOf } from "./taskTypes.js";

/**
 * The form that starts a task. It closes as soon as the task is accepted.
 *
 * @param {{type: string, start: (type: string, payload: object, key: string) => Promise<void>, close: () => void}} props
 */
export function TaskDialog({ type, start, close }) {
  const dialog = useRef(null);
  const key = useRef(crypto.randomUUID()); // one a form: sending it twice makes one task
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState(null);
  const { verb, about, fields } = TASK_TYPES[type];

  useEffect(() => dialog.current.showModal(), []);

  async function submit(event) {
    event.preventDefault();
    setSending(true);
    setProblem(null);
    try {
      await start(type, payloadOf(type, new FormData(event.target)), key.current);
      dialog.current.close();
    } catch (error) {
      key.current = crypto.randomUUID(); // the corrected form is another request
      setProblem(error);
      setSending(false);
    }
  }

  const faultOf = ({ path }) => problem?.errors?.find(({ pointer }) => pointer.startsWith(`/payload/${path.join("/")}`))?.detail;
  const unplaced = problem && !fields.some(faultOf);

  return html`
    <dialog class="task-dialog" ref=${dialog} onClose=${close} aria-labelledby="dialog-title">
      <form onSubmit=${submit}>
        <h2 id="dialog-title">${verb}</h2>
        <p class="muted">${about}</p>
        ${fields.map((field) => html`<${Field} key=${field.label} field=${field} fault=${faultOf(field)} />`)}
        ${unplaced && html`<p class="fault" role="alert">${problem.message}</p>`}
        <div class="actions">
          <button type="button" class="quiet" onClick=${() => dialog.current.close()}>Close</button>
          <button type="submit" disabled=${sending}>Start</button>
        </div>
      </form>
    </dialog>
  `;
}

function Field({ field, fault }) {
  const { path, label, hint, kind = "text", read: _, value, example, ...limits } = field;
  const name = path.join("/");
  const attributes = { id: name, name, placeholder: example, "aria-invalid": fault ? "true" : undefined, ...limits };
  return html`
    <div class="field">
      <label for=${name}>${label}${hint && html` <span class="muted">${hint}</span>`}</label>
      ${kind === "textarea"
        ? html`<textarea rows="2" ...${attributes}></textarea>`
        : html`<input type=${kind} value=${value} step=${kind === "number" ? "any" : undefined} ...${attributes} />`}
      ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    </div>
  `;
}
