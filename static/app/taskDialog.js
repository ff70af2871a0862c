import { useEffect, useRef, useState } from "preact/hooks";

import { RequestError } from "herald/taskService.js";

import { html } from "../ui/html.js";
import { useModal } from "../ui/useModal.js";
import { FieldView } from "./forms/fieldView.js";
import { FormContext } from "./forms/formContext.js";
import { payloadOf } from "./forms/payloadOf.js";
import { placeErrors } from "./forms/placeErrors.js";

/** @typedef {(type: string, payload: object, idempotencyKey: string) => Promise<void>} Start */

const NO_PROBLEM = { atFields: /** @type {Map<string, string>} */ (new Map()), messages: /** @type {string[]} */ ([]) };

/**
 * The form that starts a task, on several pages if the type has them. It closes as soon as the task is queued.
 *
 * If a request is lost, the user can send it again: it has the same idempotency key, so it creates no second task.
 *
 * @param {{type: import("./registry/taskType.js").TaskType, start: Start, onClose: () => void}} props
 */
export function TaskDialog({ type, start, onClose }) {
  const { action, about, pages = [""] } = type;
  const [fields] = useState(type.fields); // a type that is announced again doesn't change an open form
  const dialog = useModal();
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const idempotencyKey = useRef(crypto.randomUUID());
  const [page, setPage] = useState(0);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState(NO_PROBLEM);
  const [refusals, setRefusals] = useState(0);
  const isLast = page === pages.length - 1;

  useEffect(() => {
    /** @param {string} selector @returns {HTMLElement | null | undefined} */
    const find = (selector) => form.current?.querySelector(`[data-page="${page}"] ${selector}`);
    (find(":is([aria-invalid], [data-invalid] :is(input:not([type=hidden]), textarea, select, button))") ?? find(":is(input:not([type=hidden]), textarea, select)"))?.focus();
  }, [page, refusals]);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    if (!isLast) {
      setPage(page + 1);
      return;
    }
    setSending(true);
    setProblem(NO_PROBLEM);
    try {
      await start(type.type, payloadOf(fields, new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))), idempotencyKey.current);
      dialog.current?.close();
    } catch (error) {
      if (isRefusal(error)) idempotencyKey.current = crypto.randomUUID(); // the corrected input is a new request
      show(error);
      setSending(false);
    }
  }

  /** @param {unknown} error */
  function show(error) {
    const elements = [...(form.current?.querySelectorAll("[data-field]") ?? [])];
    const names = elements.map((element) => element.getAttribute("data-field") ?? "");
    const { atFields, others } = placeErrors(error instanceof RequestError ? error.errors : [], names);
    const messages = atFields.size > 0 || others.length > 0 ? others : [messageOf(error)];
    setProblem({ atFields, messages });
    setRefusals((count) => count + 1);
    const first = elements.find((element) => atFields.has(element.getAttribute("data-field") ?? ""));
    if (first) setPage(Number(first.closest("[data-page]")?.getAttribute("data-page")));
  }

  /** @param {string} name */
  const forget = (name) => {
    const kept = [...problem.atFields].filter(([at]) => !`${at}/`.startsWith(`${name}/`));
    if (kept.length < problem.atFields.size) setProblem({ ...problem, atFields: new Map(kept) });
  };

  return html`
    <dialog class="task-dialog" ref=${dialog} onClose=${onClose} aria-labelledby="dialog-title">
      <form ref=${form} onSubmit=${submit}>
        <h2 id="dialog-title">${action}</h2>
        ${about && html`<p class="muted">${about}</p>`}
        ${!type.isOnline && html`<p class="notice">No worker for this type is online. The task will wait until one is.</p>`}
        ${pages.length > 1 &&
        html`<ol class="wizard">
          ${pages.map((name, index) => html`<li key=${name} aria-current=${index === page ? "step" : undefined}>${name}</li>`)}
        </ol>`}
        <${FormContext.Provider} value=${{ errors: problem.atFields, forget }}>
          ${pages.map(
            (name, index) => html`
              <fieldset key=${name} data-page=${index} hidden=${index !== page}>
                <legend class="visually-hidden">${name || action}</legend>
                ${fields
                  .filter((field) => (field.page ?? 0) === index)
                  .map((field) => html`<${FieldView} key=${field.path.join("/")} field=${field} parent="" isReached=${index <= page} />`)}
              </fieldset>
            `,
          )}
        <//>
        ${problem.messages.map((message) => html`<p class="error" role="alert">${message}</p>`)}
        <div class="actions">
          <button type="button" class="secondary" onClick=${() => dialog.current?.close()}>Close</button>
          ${page > 0 && html`<button type="button" class="secondary" onClick=${() => setPage(page - 1)}>Back</button>`}
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
