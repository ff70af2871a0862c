import { html } from "../ui/html.js";

/** @typedef {import("./registry/taskType.js").TaskType} TaskType */

/**
 * The button that starts a task of a type.
 * @param {{type: TaskType, onStart: (type: TaskType) => void}} props
 */
export function TypeCard({ type, onStart }) {
  return html`
    <button class="task-type" data-type=${type.type} onClick=${() => onStart(type)}>
      <b>${type.action}</b>
      ${type.about && html`<span>${type.about}</span>`}
      ${!type.isOnline && html`<small>No worker online</small>`}
    </button>
  `;
}
