/** Charts as SVG: a line over time, and stacked bars a minute. */
import { html } from "../ui/html.js";

const WIDTH = 320;
const HEIGHT = 90;

/**
 * @param {{title: string, unit?: string, values: number[]}} props oldest first
 */
export function Line({ title, unit = "", values }) {
  const most = Math.max(0, ...values);
  const x = (at) => (values.length > 1 ? (at / (values.length - 1)) * WIDTH : WIDTH);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${(HEIGHT - (value / (most || 1)) * (HEIGHT - 4)).toFixed(1)}`);
  const newest = values.at(-1) ?? 0;
  return html`<figure class="chart">
    <figcaption>${title} <span class="muted">now ${newest}${unit}, at most ${round(most)}${unit}</span></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: now ${newest}${unit}" preserveAspectRatio="none">
      <polyline class="line" points=${points.join(" ")} />
    </svg>
  </figure>`;
}

/**
 * @param {{title: string, minutes: {at: string, completed: number, failed: number, cancelled: number}[]}} props
 */
export function Minutes({ title, minutes }) {
  const total = (minute) => minute.completed + minute.failed + minute.cancelled;
  const most = Math.max(0, ...minutes.map(total));
  const wide = WIDTH / minutes.length;
  const bars = minutes.flatMap((minute, at) => {
    let top = HEIGHT;
    return ["completed", "failed", "cancelled"].map((status) => {
      const height = (minute[status] / (most || 1)) * (HEIGHT - 4);
      top -= height;
      return html`<rect class=${status} x=${at * wide + 1} y=${top} width=${wide - 2} height=${height} />`;
    });
  });
  const sum = minutes.reduce((all, minute) => all + total(minute), 0);
  return html`<figure class="chart">
    <figcaption>${title} <span class="muted">${sum} in ${minutes.length} min, at most ${most} a minute</span></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: ${sum} in ${minutes.length} minutes" preserveAspectRatio="none">
      ${bars}
    </svg>
  </figure>`;
}

/** @param {number} value */
const round = (value) => Math.round(value * 1000) / 1000;
