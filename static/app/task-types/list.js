/** Part of several results: a list with a heading. */
import { html } from "../../ui/html.js";

/** @param {{title: string, items: string[]}} props */
export function List({ title, items }) {
  return html`<h4>${title}</h4><ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}
