import { html } from "../../ui/html.js";
import { List } from "./list.js";

/** @param {{documents: any[]}} props documents of `/api/personas` */
export function Personas({ documents }) {
  return html`
    <div class="cards">
      ${documents.map(
        (persona) => html`<section>
          <h3>${persona.name}, ${persona.age}</h3>
          <p class="muted">${persona.occupation} · ${persona.segment}</p>
          <p>${persona.situation}</p>
          <blockquote>${persona.quote}</blockquote>
          <${List} title="Goals" items=${persona.goals} />
          <${List} title="Frustrations" items=${persona.frustrations} />
          <${List} title="Objections" items=${persona.objections} />
          <${List} title="Where to reach them" items=${persona.channels} />
        </section>`,
      )}
    </div>
  `;
}
