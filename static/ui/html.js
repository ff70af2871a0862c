/** Renders components without a build step: `html` is JSX as a template string. */
import htm from "htm";
import { h, render } from "preact";

export const html = htm.bind(h);

/**
 * Render a component into the page.
 * @param {import("preact").ComponentChild} element
 * @param {string} id of the element to render into
 */
export function mount(element, id) {
  const root = document.getElementById(id);
  if (!root) throw new Error(`The page has no element #${id}.`);
  render(element, root);
}
