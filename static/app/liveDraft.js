import { useEffect, useRef, useState } from "preact/hooks";

import { readTexts } from "herald/draft.js";

import { onceAFrame } from "./hooks.js";
import { html } from "../ui/html.js";

/**
 * What is being written for a task, as it is written.
 *
 * @param {{taskId: string, feed: import("herald/taskFeed.js").TaskFeed}} props
 */
export function LiveDraft({ taskId, feed }) {
  const [answers, setAnswers] = useState([]);
  const end = useRef(null);

  useEffect(() => {
    let newest;
    const watch = (tell) =>
      feed.watchDraft(taskId, (draft) => {
        newest = draft;
        tell();
      });
    return onceAFrame(watch, () => setAnswers(newest.current()));
  }, [taskId, feed]);

  useEffect(() => {
    if (end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [answers]);

  return html`
    <div class="draft" ref=${end} tabindex="0" role="region" aria-label="Draft" data-draft>
      ${answers.length === 0 && html`<p class="muted">Nothing written yet</p>`}
      ${answers.map(
        ({ step, part, text }) => html`
          <section key=${part ?? step}>
            ${part && html`<h4>${part}</h4>`}
            ${readTexts(text).map(({ label, text: line }, number) => html`<p key=${number}><b>${label}</b> ${line}</p>`)}
          </section>
        `,
      )}
    </div>
  `;
}
