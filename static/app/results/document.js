import { html } from "../../ui/html.js";
import { blockOf } from "./blockOf.js";

/** @typedef {import("./blockOf.js").Block} Block */

/**
 * Shows a value as a readable document.
 * @param {{value: unknown, schema?: import("../schema.js").Schema, level?: number}} props `level` of the first headings
 */
export function Document({ value, schema, level = 3 }) {
  const block = blockOf(value, schema);
  return block ? html`<div class="document"><${BlockView} block=${block} level=${level} /></div>` : html`<p class="muted">Nothing to show</p>`;
}

/** @param {{block: Block, level: number}} props */
function BlockView({ block, level }) {
  if (block.is === "text") return html`<p><${Text} ...${block} /></p>`;
  if (block.is === "prose") return block.paragraphs.map((paragraph) => html`<p class="prose">${paragraph}</p>`);
  if (block.is === "list") return html`<ul>${block.items.map((item) => html`<li><${Text} ...${item} /></li>`)}</ul>`;
  if (block.is === "table") return html`<${TableView} ...${block} />`;
  if (block.is === "sections") {
    return block.sections.map(
      ({ title, block: section }) => html`<section><${Heading} level=${level}>${title}<//><${BlockView} block=${section} level=${level + 1} /></section>`,
    );
  }
  return html`<${ObjectView} ...${block} level=${level} />`;
}

/** @param {import("./blockOf.js").ObjectBlock & {level: number}} props */
function ObjectView({ title, parts, level }) {
  const below = title ? level + 1 : level;
  return html`
    ${title && html`<${Heading} level=${level}>${title}<//>`}
    ${runsOf(parts).map((run) =>
      Array.isArray(run)
        ? html`<dl class="facts">${run.map(({ label, block }) => html`<div><dt>${label}</dt><dd><${Text} ...${block} /></dd></div>`)}</dl>`
        : html`<section>${run.label && html`<${Heading} level=${below}>${run.label}<//>`}<${BlockView} block=${run.block} level=${run.label ? below + 1 : below} /></section>`,
    )}
  `;
}

/**
 * Consecutive short facts are shown together.
 * @param {{label: string, block: Block}[]} parts
 * @returns {({label: string, block: Block} | {label: string, block: any}[])[]}
 */
function runsOf(parts) {
  /** @type {({label: string, block: Block} | {label: string, block: any}[])[]} */
  const runs = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (part.block.is !== "text" || !part.label) runs.push(part);
    else if (Array.isArray(last)) last.push(part);
    else runs.push([part]);
  }
  return runs;
}

/** @param {import("./blockOf.js").TableBlock} props */
function TableView({ columns, rows }) {
  return html`
    <div class="scrollable" role="region" aria-label="Table" tabindex="0">
      <table class="labelled">
        <thead><tr>${columns.map(({ label, isNumber }) => html`<th scope="col" class=${isNumber ? "number" : undefined}>${label}</th>`)}</tr></thead>
        <tbody>
          ${rows.map((row) => html`<tr>${row.map((cell, index) => html`<td data-label=${columns[index].label} class=${columns[index].isNumber ? "number" : undefined}>${cell && html`<${Text} ...${cell} />`}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {import("./blockOf.js").TextBlock} props */
function Text({ text, kind, value }) {
  if (kind === "link") return html`<a href=${value} target="_blank" rel="noopener noreferrer">${text}</a>`;
  return kind === "date" || kind === "date-time" ? html`<time datetime=${value}>${text}</time>` : text;
}

/** @param {{level: number, children?: any}} props */
function Heading({ level, children }) {
  const Tag = `h${Math.min(level, 6)}`;
  return html`<${Tag}>${children}<//>`;
}
