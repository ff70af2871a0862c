import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "./html.js";
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
      ${result && View && html`<${View} result=${result} />`}
    </dialog>
  `;
}

function MediaPlan({ result }) {
  return html`
    <h3>${result.title}</h3>
    <p>${result.summary}</p>
    <p><b>Audience.</b> ${result.audience}</p>
    <p><b>Angle.</b> ${result.angle}</p>
    <div class="cards">
      ${result.pillars.map(({ name, message, keywords }) => html`<section><h4>${name}</h4><p>${message}</p><p class="muted">${keywords.join(", ")}</p></section>`)}
    </div>
    ${result.weeks.map(
      (week) => html`
        <h4>Week ${week.number}${week.startDate && html`, from ${week.startDate}`}</h4>
        <p class="muted">${week.theme}</p>
        <table>
          <thead><tr><th>Day</th><th>Channel</th><th>Post</th></tr></thead>
          <tbody>
            ${week.posts.map(
              (post) => html`<tr>
                <td>${post.day}</td>
                <td>${post.channel}</td>
                <td><b>${post.title}</b><br />${post.copyText}<br /><span class="muted">${post.callToAction}</span></td>
              </tr>`,
            )}
          </tbody>
        </table>
      `,
    )}
    ${result.budget.length > 0 &&
    html`<h4>Budget</h4>
      <table><tbody>${result.budget.map(({ channel, amount, currency }) => html`<tr><td>${channel}</td><td>${amount.toFixed(2)} ${currency}</td></tr>`)}</tbody></table>`}
  `;
}

function BrandKit({ result }) {
  const { positioning, voice, look } = result;
  return html`
    <h3>${result.brandName}</h3>
    <p>${positioning.promise}</p>
    <p><b>Audience.</b> ${positioning.audience}</p>
    <p><b>Difference.</b> ${positioning.difference}</p>
    <${List} title="Taglines" items=${positioning.taglines} />
    <h4>Voice: ${voice.traits.join(", ")}</h4>
    <blockquote>${voice.sample}</blockquote>
    <div class="cards">
      <section><${List} title="Do" items=${voice.do} /></section>
      <section><${List} title="Avoid" items=${voice.avoid} /></section>
    </div>
    <h4>Palette</h4>
    <div class="palette">
      ${look.palette.map((colour) => html`<div class="swatch" style=${{ background: colour.hex, color: colour.textOnIt }}><b>${colour.name}</b><code>${colour.hex}</code><span>${colour.use}</span></div>`)}
    </div>
    <p><b>Type.</b> ${look.headingTypeface} for headings, ${look.bodyTypeface} for text.</p>
    <p><b>Logo.</b> ${look.logoIdea}</p>
  `;
}

function Personas({ result }) {
  return html`
    <div class="cards">
      ${result.personas.map(
        (persona) => html`<section>
          <h3>${persona.name}, ${persona.age}</h3>
          <p class="muted">${persona.role}</p>
          <p>${persona.situation}</p>
          <${List} title="Goals" items=${persona.goals} />
          <${List} title="Frustrations" items=${persona.frustrations} />
          <p class="muted">Found on: ${persona.channels.join(", ")}</p>
          <blockquote>${persona.quote}</blockquote>
        </section>`,
      )}
    </div>
  `;
}

function List({ title, items }) {
  return html`<h4>${title}</h4><ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

const VIEWS = { GENERATE_MEDIA_PLAN: MediaPlan, GENERATE_BRAND_KIT: BrandKit, AUTO_GENERATE_PERSONAS: Personas };
