import { useEffect, useRef, useState } from "preact/hooks";

import { RequestError } from "herald/taskService.js";

import { html } from "../ui/html.js";
import { TASK_TYPES, payloadOf } from "./task-types/index.js";

/**
 * The form that starts a task, in steps where the type has several. It closes as soon as the task is accepted.
 *
 * A request that got lost can be sent again: it has the same key, and makes no second task.
 *
 * @param {{type: string, start: (type: string, payload: object, key: string) => Promise<void>, close: () => void}} props
 */
export function TaskDialog({ type, start, close }) {
  const { verb, about, fields, steps = [""] } = TASK_TYPES[type];
  const dialog = useRef(null);
  const form = useRef(null);
  const key = useRef(crypto.randomUUID());
  const [step, setStep] = useState(0);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState(null);
  const last = step === steps.length - 1;

  useEffect(() => dialog.current.showModal(), []);
  useEffect(() => {
    const wrong = form.current.querySelector("fieldset:not([hidden]) [aria-invalid]");
    (wrong ?? form.current.querySelector("fieldset:not([hidden]) :is(input, textarea)"))?.focus();
  }, [step, problem]);

  async function submit(event) {
    event.preventDefault();
    if (!last) {
      setStep(step + 1);
      return;
    }
    setSending(true);
    setProblem(null);
    try {
      await start(type, payloadOf(type, new FormData(form.current)), key.current);
      dialog.current.close();
    } catch (error) {
      const refused = error instanceof RequestError && error.status < 500;
      if (refused) key.current = crypto.randomUUID(); // what is corrected is another request
      setProblem({ refused, message: error.message, errors: error.errors ?? [] });
      const wrong = fields.find((field) => faultOf(field, error.errors));
      if (wrong) setStep(wrong.step ?? 0);
      setSending(false);
    }
  }

  const unplaced = problem && !fields.some((field) => faultOf(field, problem.errors));
  return html`
    <dialog class="task-dialog" ref=${dialog} onClose=${close} aria-labelledby="dialog-title">
      <form ref=${form} onSubmit=${submit}>
        <h2 id="dialog-title">${verb}</h2>
        <p class="muted">${about}</p>
        ${steps.length > 1 &&
        html`<ol class="wizard">
          ${steps.map((name, number) => html`<li key=${name} aria-current=${number === step ? "step" : undefined}>${name}</li>`)}
        </ol>`}
        ${steps.map(
          (name, number) => html`
            <fieldset key=${name} hidden=${number !== step}>
              <legend class="unseen">${name || verb}</legend>
              ${fields
                .filter((field) => (field.step ?? 0) === number)
                .map((field) => html`<${Field} key=${field.label} field=${field} fault=${faultOf(field, problem?.errors)} asked=${number <= step} />`)}
            </fieldset>
          `,
        )}
        ${unplaced && html`<p class="fault" role="alert">${problem.refused ? problem.message : "It did not get through. Send it again: that makes no second task."}</p>`}
        <div class="actions">
          <button type="button" class="quiet" onClick=${() => dialog.current.close()}>Close</button>
          ${step > 0 && html`<button type="button" class="quiet" onClick=${() => setStep(step - 1)}>Back</button>`}
          <button type="submit" disabled=${sending}>${last ? "Start" : "Next"}</button>
        </div>
      </form>
    </dialog>
  `;
}

/** What the server says is wrong with a field. */
function faultOf({ path }, errors) {
  return errors?.find(({ pointer }) => `${pointer}/`.startsWith(`/payload/${path.join("/")}/`))?.detail;
}

/** A field is required only once its step has been reached: a browser cannot point at one that is not shown. */
function Field({ field, fault, asked }) {
  const { path, label, hint, kind = "text", read: _, step: __, value, example, required, ...limits } = field;
  const name = path.join("/");
  const attributes = {
    id: name,
    name,
    placeholder: example,
    required: required && asked,
    "aria-invalid": fault ? "true" : undefined,
    "aria-describedby": fault ? `${name}-fault` : undefined,
    ...limits,
  };
  return html`
    <div class="field">
      <label for=${name}>${label}${hint && html` <span class="muted">${hint}</span>`}</label>
      ${kind === "textarea"
        ? html`<textarea rows="3" ...${attributes}></textarea>`
        : html`<input type=${kind} defaultValue=${value} step=${kind === "number" ? "any" : undefined} ...${attributes} />`}
      ${fault && html`<p class="fault" id=${`${name}-fault`} role="alert">${fault}</p>`}
    </div>
  `;
}
