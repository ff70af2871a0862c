import { html } from "../../ui/html.js";
import { List } from "./list.js";

/** @type {import("../registry/taskType.js").Override} */
export const personas = {
  label: "Personas",
  action: "Create personas",
  about: "Profiles of your ideal customers.",
  ready: "Your personas are ready",
  failed: "Your personas failed",
  fields: [
    { path: ["product"], label: "Product", kind: "textarea", required: true, maxLength: 2000, example: "A weekend pottery course for beginners" },
    { path: ["market"], label: "Market", maxLength: 200, example: "crafts in Denmark" },
    { path: ["count"], label: "Number of personas", kind: "number", min: 1, max: 10, value: 3 },
  ],
  Result: Personas,
  table: ({ people }) => ({
    rows: people,
    columns: {
      name: "Name",
      age: "Age",
      occupation: "Occupation",
      segment: "Segment",
      situation: "Situation",
      need: "Need",
      goals: "Goals",
      frustrations: "Frustrations",
      objections: "Objections",
      channels: "Channels",
      quote: "Quote",
    },
  }),
};

/**
 * One of the people: a document of `/api/personas`.
 * @typedef {object} PersonaDocument
 * @property {string} name
 * @property {number} age
 * @property {string} occupation
 * @property {string} segment
 * @property {string} situation
 * @property {string} quote
 * @property {string[]} goals
 * @property {string[]} frustrations
 * @property {string[]} objections
 * @property {string[]} channels
 */

/** @param {{result: {people: PersonaDocument[]}}} props */
function Personas({ result: { people } }) {
  return html`
    <div class="cards">
      ${people.map(
        (persona) => html`<section>
          <h3>${persona.name}, ${persona.age}</h3>
          <p class="muted">${persona.occupation} · ${persona.segment}</p>
          <p>${persona.situation}</p>
          <blockquote>${persona.quote}</blockquote>
          <${List} title="Goals" items=${persona.goals} />
          <${List} title="Frustrations" items=${persona.frustrations} />
          <${List} title="Objections" items=${persona.objections} />
          <${List} title="Channels" items=${persona.channels} />
        </section>`,
      )}
    </div>
  `;
}
