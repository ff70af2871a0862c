import { html } from "../../ui/html.js";
import { List } from "./list.js";

/** @type {import("../registry/taskType.js").Override} */
export const brandKit = {
  label: "Brand kit",
  action: "Create a brand kit",
  about: "Positioning, voice and visual identity for your brand.",
  ready: "Your brand kit is ready",
  failed: "Your brand kit failed",
  fields: [
    { path: ["brandName"], label: "Brand name", required: true, maxLength: 200, example: "Northlight Pottery" },
    { path: ["description"], label: "Description", kind: "textarea", required: true, maxLength: 2000, example: "Workshops and tableware from a studio by the sea" },
    { path: ["industry"], label: "Industry", maxLength: 200, example: "crafts" },
    { path: ["values"], label: "Values", hint: "separated by commas", list: "commas", example: "patience, honesty" },
    { path: ["tone"], label: "Tone", maxLength: 200, example: "calm and direct" },
  ],
  Result: BrandKit,
  table: (kit) => ({
    rows: kit.palette,
    columns: { role: "Role", name: "Name", hex: "Hex", usage: "Usage", pairedWith: "Paired with", contrast: "Contrast" },
  }),
};

/**
 * The result: a document of `/api/brandKits`.
 * @typedef {object} BrandKitDocument
 * @property {string} brandName
 * @property {string} positioning
 * @property {string} mission
 * @property {string} audience
 * @property {string} difference
 * @property {string[]} taglines
 * @property {{traits: string[], sample: string, do: Rule[], dont: Rule[]}} voice
 * @property {{name: string, hex: string, usage: string, pairedWith: string, contrast: number}[]} palette
 * @property {Record<"heading" | "body", {family: string, fallback: string, reason: string}>} typography
 * @property {{name: string, idea: string}[]} logoDirections
 */
/** @typedef {{rule: string, example: string}} Rule */

const FONT_USES = /** @type {const} */ (["heading", "body"]);

/** @param {{result: BrandKitDocument}} props */
function BrandKit({ result: kit }) {
  const { voice, typography } = kit;
  return html`
    <h3>${kit.brandName}</h3>
    <p>${kit.positioning}</p>
    <p><b>Mission.</b> ${kit.mission}</p>
    <p><b>Audience.</b> ${kit.audience}</p>
    <p><b>What sets it apart.</b> ${kit.difference}</p>
    <${List} title="Taglines" items=${kit.taglines} />
    <h4>Voice: ${voice.traits.join(", ")}</h4>
    <blockquote>${voice.sample}</blockquote>
    <div class="cards">
      <section><${Rules} title="Do" rules=${voice.do} /></section>
      <section><${Rules} title="Don’t" rules=${voice.dont} /></section>
    </div>
    <h4>Palette</h4>
    <div class="palette">
      ${kit.palette.map(
        (colour) => html`<div class="swatch" style=${{ background: colour.hex, color: colour.pairedWith }}>
          <b>${colour.name}</b><code>${colour.hex}</code><span>${colour.usage}</span><span>Contrast ${colour.contrast}:1</span>
        </div>`,
      )}
    </div>
    <h4>Typography</h4>
    ${FONT_USES.map(
      (use) => html`
        <p class="sample ${use}" style=${{ fontFamily: `"${typography[use].family}", ${typography[use].fallback}` }}>${use === "heading" ? kit.taglines[0] : kit.positioning}</p>
        <p class="muted">${use === "heading" ? "Headings" : "Body text"}: ${typography[use].family} (fallback: ${typography[use].fallback}). ${typography[use].reason}</p>
      `,
    )}
    <h4>Logo directions</h4>
    <ul>${kit.logoDirections.map(({ name, idea }) => html`<li><b>${name}.</b> ${idea}</li>`)}</ul>
  `;
}

/** @param {{title: string, rules: Rule[]}} props */
function Rules({ title, rules }) {
  return html`<h5>${title}</h5><ul>${rules.map(({ rule, example }) => html`<li>${rule}<br /><span class="muted">${example}</span></li>`)}</ul>`;
}
