import { html } from "../../ui/html.js";
import { List } from "./list.js";

/** @param {{documents: any[]}} props one document of `/api/brandKits` */
export function BrandKit({ documents: [result] }) {
  const { voice, typography } = result;
  return html`
    <h3>${result.brandName}</h3>
    <p>${result.positioning}</p>
    <p><b>Mission.</b> ${result.mission}</p>
    <p><b>Audience.</b> ${result.audience}</p>
    <p><b>Difference.</b> ${result.difference}</p>
    <${List} title="Taglines" items=${result.taglines} />
    <h4>Voice: ${voice.traits.join(", ")}</h4>
    <blockquote>${voice.sample}</blockquote>
    <div class="cards">
      <section><${Rules} title="Do" rules=${voice.do} /></section>
      <section><${Rules} title="Don’t" rules=${voice.dont} /></section>
    </div>
    <h4>Palette</h4>
    <div class="palette">
      ${result.palette.map(
        (colour) => html`<div class="swatch" style=${{ background: colour.hex, color: colour.pairedWith }}>
          <b>${colour.name}</b><code>${colour.hex}</code><span>${colour.usage}</span><span>Contrast ${colour.contrast}:1</span>
        </div>`,
      )}
    </div>
    <h4>Typography</h4>
    ${["heading", "body"].map(
      (use) => html`
        <p class="sample ${use}" style=${{ fontFamily: `"${typography[use].family}", ${typography[use].fallback}` }}>${use === "heading" ? result.taglines[0] : result.positioning}</p>
        <p class="muted">${use === "heading" ? "Headings" : "Text"}: ${typography[use].family}, else ${typography[use].fallback}. ${typography[use].reason}</p>
      `,
    )}
    <h4>Directions for a logo</h4>
    <ul>${result.logoDirections.map(({ name, idea }) => html`<li><b>${name}.</b> ${idea}</li>`)}</ul>
  `;
}

function Rules({ title, rules }) {
  return html`<h5>${title}</h5><ul>${rules.map(({ rule, example }) => html`<li>${rule}<br /><span class="muted">${example}</span></li>`)}</ul>`;
}
