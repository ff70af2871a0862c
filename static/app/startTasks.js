import { useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { recentTypes } from "./recentTypes.js";
import { TypeCard } from "./typeCard.js";
import { TypePicker } from "./typePicker.js";

/** @typedef {import("./registry/taskType.js").TaskType} TaskType */

const MAX_CARDS = 6;

/**
 * The cards that start a task: one for each type. Of many types, the ones used last, and a card that lists them all.
 *
 * @param {{types: readonly TaskType[], loaded: boolean, onStart: (type: TaskType) => void}} props
 */
export function StartTasks({ types, loaded, onStart }) {
  const [isPicking, setIsPicking] = useState(false);
  const [recent] = useState(recentTypes); // the cards must not move while the page is used
  const cards = types.length > MAX_CARDS ? [...types].sort((a, b) => rank(recent, a) - rank(recent, b)).slice(0, MAX_CARDS - 1) : types;
  if (loaded && types.length === 0) return html`<p class="muted empty">There are no task types yet. They appear here as soon as a worker has announced them.</p>`;
  return html`
    <section class="task-types" aria-label="Start a task">
      ${cards.map((type) => html`<${TypeCard} key=${type.type} type=${type} onStart=${onStart} />`)}
      ${types.length > MAX_CARDS &&
      html`<button class="task-type" key="all" data-all-types onClick=${() => setIsPicking(true)}><b>All ${types.length} types…</b><span>Find a type by its name.</span></button>`}
    </section>
    ${isPicking && html`<${TypePicker} types=${types} onPick=${onStart} onClose=${() => setIsPicking(false)} />`}
  `;
}

/** @param {string[]} recent @param {TaskType} type */
const rank = (recent, { type }) => (recent.includes(type) ? recent.indexOf(type) : recent.length);
