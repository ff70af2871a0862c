/** Charts as SVG: a line over time, and stacked bars per minute. */
import { html } from "../ui/html.js";

const WIDTH = 320;
const HEIGHT = 90;
const TOP = 4;

/**
 * @param {{title: string, unit?: string, values: number[]}} props oldest first
 */
export function LineChart({ title, unit = "", values }) {
  const peak = Math.max(0, ...values);
  /** @param {number} index */
  const x = (index) => (values.length > 1 ? (index / (values.length - 1)) * WIDTH : WIDTH);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${(HEIGHT - scaled(value, peak)).toFixed(1)}`);
  const newest = round(values.at(-1) ?? 0);
  return html`<figure class="chart">
    <figcaption>${title} <span class="muted">now ${newest}${unit}, peak ${round(peak)}${unit}</span></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: now ${newest}${unit}" preserveAspectRatio="none">
      <polyline class="line" points=${points.join(" ")} />
    </svg>
  </figure>`;
}

/**
 * @param {{title: string, minutes: import("./overviewFeed.js").Minute[]}} props
 */
export function BarChart({ title, minutes }) {
  const totals = minutes.map((minute) => minute.completed + minute.failed + minute.cancelled);
  const peak = Math.max(0, ...totals);
  const width = WIDTH / minutes.length;
  const bars = minutes.flatMap((minute, index) => {
    let y = HEIGHT;
    return /** @type {const} */ (["completed", "failed", "cancelled"]).map((status) => {
      const height = scaled(minute[status], peak);
      y -= height;
      return html`<rect class=${status} x=${index * width + 1} y=${y} width=${width - 2} height=${height} />`;
    });
  });
  const total = totals.reduce((sum, each) => sum + each, 0);
  return html`<figure class="chart">
    <figcaption>${title} <span class="muted">${total} in ${minutes.length} min, peak ${peak}</span></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: ${total} in ${minutes.length} minutes" preserveAspectRatio="none">
      ${bars}
    </svg>
  </figure>`;
}

/** @param {number} value @param {number} peak @returns {number} the height of the value in the chart */
const scaled = (value, peak) => (value / (peak || 1)) * (HEIGHT - TOP);

/** @param {number} value */
const round = (value) => Math.round(value * 1000) / 1000;
