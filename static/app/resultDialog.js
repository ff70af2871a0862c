import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "./html.js";
import { BrandKit } from "./results/brandKit.js";
import { MediaPlan } from "./results/mediaPlan.js";
import { Personas } from "./results/personas.js";
import { nameOf } from "./taskTypes.js";

/**
 * The stored result of a task, read from the server.
 *
 * @param {{task: import("herald/taskFeed.js").Task, load: (task: object) => Promise<any>, close: () => void}} props
 */
export function ResultDialog({ task, load, close }) {
  const dialog = useRef(null);
  const [result, setResult] = useState(null);
  const [problem, setProblem] = useState(null);

  useEffect(() => {
    dialog.current.showModal();
    load(task).then(setResult, setProblem);
  }, []);

  const View = VIEWS[task.type];
  return html`
    <dialog class="result" ref=${dialog} onClose=${close} aria-labelledby="result-title">
      <div class="result-head">
        <h2 id="result-title">${nameOf(task.type)}</h2>
        <button class="quiet" onClick=${() => dialog.current.close()}>Close</button>
      </div>
      ${problem && html`<p class="fault" role="alert">${problem.message}</p>`}
      ${!result && !problem && html`<p class="muted">Loading…</p>`}
      ${result && task.usage?.provider === "offline" && html`<p class="muted">An offline draft: rules have made it from your words, without a model.</p>`}
      ${result && View && html`<${View} result=${result} />`}
    </dialog>
  `;
}

const VIEWS = { GENERATE_MEDIA_PLAN: MediaPlan, GENERATE_BRAND_KIT: BrandKit, AUTO_GENERATE_PERSONAS: Personas };
