/** A table that scrolls sideways, by keyboard too, where it does not fit. */
import { html } from "../ui/html.js";

/** @param {{name: string, heads: any[], children: any}} props `name` is for those who do not see it */
export function Table({ name, heads, children }) {
  return html`<div class="wide" role="region" aria-label=${name} tabindex="0">
    <table>
      <thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
      <tbody>${children}</tbody>
    </table>
  </div>`;
}

/** The head of a column of buttons. */
export const ACTIONS = html`<span class="unseen">Actions</span>`;
