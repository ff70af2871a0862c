import { useEffect, useRef, useState } from "preact/hooks";

import { RequestError } from "herald/taskService.js";

import { html } from "../ui/html.js";
import { useModal } from "../ui/useModal.js";
import { TASK_TYPES, payloadOf } from "./task-types/index.js";

/** @typedef {import("./task-types/taskType.js").Field} Field */
/** @typedef {{pointer: string, detail: string}} FieldError */
/** @typedef {(type: string, payload: object, idempotencyKey: string) => Promise<void>} Start */

/**
 * The form that starts a task, in several steps if the type has them. It closes as soon as the task is queued.
 *
 * If a request is lost, the user can send it again: it has the same idempotency key, so it creates no second task.
 *
 * @param {{type: string, start: Start, onClose: () => void}} props
 */
export function TaskDialog({ type, start, onClose }) {
  const { action, about, fields, steps = [""] } = TASK_TYPES[type];
  const dialog = useModal();
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const idempotencyKey = useRef(crypto.randomUUID());
  const [step, setStep] = useState(0);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState(/** @type {{message: string, errors: FieldError[]} | null} */ (null));
  const isLast = step === steps.length - 1;
  const hasFieldError = problem && fields.some((field) => errorOf(field, problem.errors));

  useEffect(() => {
    /** @param {string} selector @returns {HTMLElement | null | undefined} */
    const find = (selector) => form.current?.querySelector(`fieldset:not([hidden]) ${selector}`);
    (find("[aria-invalid]") ?? find(":is(input, textarea)"))?.focus();
  }, [step, problem]);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    if (!isLast) {
      setStep(step + 1);
      return;
    }
    setSending(true);
    setProblem(null);
    try {
      await start(type, payloadOf(type, new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))), idempotencyKey.current);
      dialog.current?.close();
    } catch (error) {
      if (isRefusal(error)) idempotencyKey.current = crypto.randomUUID(); // the corrected input is a new request
      const errors = error instanceof RequestError ? error.errors : [];
      setProblem({ message: messageOf(error), errors });
      const invalid = fields.find((field) => errorOf(field, errors));
      if (invalid) setStep(invalid.step ?? 0);
      setSending(false);
    }
  }

  return html`
    <dialog class="task-dialog" ref=${dialog} onClose=${onClose} aria-labelledby="dialog-title">
      <form ref=${form} onSubmit=${submit}>
        <h2 id="dialog-title">${action}</h2>
        <p class="muted">${about}</p>
        ${steps.length > 1 &&
        html`<ol class="wizard">
          ${steps.map((name, index) => html`<li key=${name} aria-current=${index === step ? "step" : undefined}>${name}</li>`)}
        </ol>`}
        ${steps.map(
          (name, index) => html`
            <fieldset key=${name} hidden=${index !== step}>
              <legend class="visually-hidden">${name || action}</legend>
              ${fields
                .filter((field) => (field.step ?? 0) === index)
                .map((field) => html`<${FieldView} key=${field.label} field=${field} error=${errorOf(field, problem?.errors)} reached=${index <= step} />`)}
            </fieldset>
          `,
        )}
        ${problem && !hasFieldError && html`<p class="error" role="alert">${problem.message}</p>`}
        <div class="actions">
          <button type="button" class="secondary" onClick=${() => dialog.current?.close()}>Close</button>
          ${step > 0 && html`<button type="button" class="secondary" onClick=${() => setStep(step - 1)}>Back</button>`}
          <button type="submit" disabled=${sending}>${isLast ? "Start" : "Next"}</button>
        </div>
      </form>
    </dialog>
  `;
}

/** @param {unknown} error @returns {error is RequestError} whether the server has refused the input */
function isRefusal(error) {
  return error instanceof RequestError && error.status < 500;
}

/** @param {unknown} error */
function messageOf(error) {
  if (error instanceof RequestError && error.status >= 500) return "The server had a problem. Try again; it won't create a duplicate.";
  if (error instanceof TypeError) return "Couldn't reach the server. Try again; it won't create a duplicate.";
  return error instanceof Error ? error.message : String(error);
}

/** @param {Field} field @param {FieldError[]} [errors] @returns {string | undefined} the server's message about the field */
function errorOf({ path }, errors) {
  return errors?.find(({ pointer }) => `${pointer}/`.startsWith(`/payload/${path.join("/")}/`))?.detail;
}

/**
 * One field. It is required only once its step has been reached, because a browser can't point at a hidden field.
 * @param {{field: Field, error?: string, reached: boolean}} props
 */
function FieldView({ field, error, reached }) {
  const { path, label, hint, kind = "text", value, example, required, maxLength, min, max } = field;
  const name = path.join("/");
  const attributes = {
    id: name,
    name,
    placeholder: example,
    required: required && reached,
    maxLength,
    min,
    max,
    "aria-invalid": error ? "true" : undefined,
    "aria-describedby": error ? `${name}-error` : undefined,
  };
  return html`
    <div class="field">
      <label for=${name}>${label}${hint && html` <span class="muted">${hint}</span>`}</label>
      ${kind === "textarea"
        ? html`<textarea rows="3" ...${attributes}></textarea>`
        : html`<input type=${kind} defaultValue=${value} step=${kind === "number" ? "any" : undefined} ...${attributes} />`}
      ${error && html`<p class="error" id=${`${name}-error`} role="alert">${error}</p>`}
    </div>
  `;
}
