import { useEffect, useRef } from "preact/hooks";

import { readTexts } from "herald/draft.js";
import { useDraft } from "herald/react.js";

import { html } from "../ui/html.js";

/**
 * Shows the draft of a task while a model is writing it.
 *
 * @param {{taskId: string}} props
 */
export function DraftView({ taskId }) {
  const answers = useDraft(taskId);
  const view = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    view.current?.scrollTo(0, view.current.scrollHeight);
  }, [answers]);

  return html`
    <div class="draft" ref=${view} tabindex="0" role="region" aria-label="Draft" data-draft>
      ${answers.length === 0 && html`<p class="muted">Nothing written yet</p>`}
      ${answers.map(
        ({ step, part, text }) => html`
          <section key=${part ?? step}>
            ${part && html`<h4>${part}</h4>`}
            ${readTexts(text).map(({ label, text: line }, index, lines) => html`<p key=${index}>${label !== lines[index - 1]?.label && html`<b>${label}</b> `}${line}</p>`)}
          </section>
        `,
      )}
    </div>
  `;
}
