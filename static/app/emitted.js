import { useState } from "preact/hooks";

import { html } from "../ui/html.js";
import { wordsOf } from "../ui/words.js";
import { blockOf, isScalar } from "./results/blockOf.js";
import { Document } from "./results/document.js";

/**
 * The newest data that a task's code has emitted: short values as they are, others behind their name.
 *
 * @param {{emitted: Record<string, any>}} props
 */
export function Emitted({ emitted }) {
  const entries = Object.entries(emitted);
  const facts = entries.filter(([, value]) => isScalar(value) && value !== null);
  const others = entries.filter(([, value]) => !isScalar(value));
  return html`
    <div class="emitted" data-emitted>
      ${facts.length > 0 && html`<dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${wordsOf(name)}</dt><dd>${textOf(value)}</dd></div>`)}</dl>`}
      ${others.map(([name, value]) => html`<${Collapsed} key=${name} name=${wordsOf(name)} value=${value} />`)}
    </div>
  `;
}

/** @param {{name: string, value: unknown}} props */
function Collapsed({ name, value }) {
  const [open, setOpen] = useState(false);
  return html`
    <details onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
      <summary>${name}</summary>
      ${open && html`<div class="emitted-value" tabindex="0" role="region" aria-label=${name}><${Document} value=${value} level=${4} /></div>`}
    </details>
  `;
}

/** @param {unknown} value a scalar */
function textOf(value) {
  const block = blockOf(value);
  return block?.is === "text" ? block.text : String(value);
}
