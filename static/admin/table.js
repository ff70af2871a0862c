/** A table that scrolls sideways where it doesn't fit, by keyboard too. */
import { html } from "../ui/html.js";

/** @param {{name: string, headings: any[], children: any}} props `name` is read by screen readers */
export function Table({ name, headings, children }) {
  return html`<div class="scrollable" role="region" aria-label=${name} tabindex="0">
    <table>
      <thead><tr>${headings.map((heading) => html`<th>${heading}</th>`)}</tr></thead>
      <tbody>${children}</tbody>
    </table>
  </div>`;
}

/** The heading of a column of buttons. */
export const ACTIONS = html`<span class="visually-hidden">Actions</span>`;
