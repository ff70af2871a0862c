import { useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { useModal } from "../ui/useModal.js";
import { TypeCard } from "./typeCard.js";

/** @typedef {import("./registry/taskType.js").TaskType} TaskType */

/**
 * All task types, and a field to find one.
 *
 * @param {{types: readonly TaskType[], onPick: (type: TaskType) => void, onClose: () => void}} props
 */
export function TypePicker({ types, onPick, onClose }) {
  const dialog = useModal();
  const [query, setQuery] = useState("");
  const words = query.toLowerCase().split(/\s+/);
  const found = types.filter(({ type, action, about = "" }) => words.every((word) => `${type} ${action} ${about}`.toLowerCase().includes(word)));
  /** @param {TaskType} type */
  const pick = (type) => {
    dialog.current?.close();
    onPick(type);
  };
  /** @param {SubmitEvent} event */
  const pickFirst = (event) => {
    event.preventDefault();
    if (found.length > 0) pick(found[0]);
  };
  return html`
    <dialog class="type-picker" ref=${dialog} onClose=${onClose} aria-labelledby="picker-title">
      <h2 id="picker-title">Start a task</h2>
      <form class="field" onSubmit=${pickFirst}>
        <label for="type-query">Find a type</label>
        <input id="type-query" type="search" autocomplete="off" value=${query} onInput=${(/** @type {InputEvent} */ event) => setQuery(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />
      </form>
      <p class="visually-hidden" role="status">${found.length} of ${types.length} types</p>
      <div class="picked">
        ${found.map((type) => html`<${TypeCard} key=${type.type} type=${type} onStart=${pick} />`)}
        ${found.length === 0 && html`<p class="muted">No type matches.</p>`}
      </div>
      <div class="actions"><button type="button" class="secondary" onClick=${() => dialog.current?.close()}>Close</button></div>
    </dialog>
  `;
}
