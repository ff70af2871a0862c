import { html } from "./html.js";

/** @type {Record<import("herald/taskFeed.js").State, [label: string, explanation: string]>} */
const LABELS = {
  live: ["Live", "Updates arrive as they happen."],
  connecting: ["Connecting…", "Connecting to the server."],
  polling: ["Delayed", "Live updates aren't available right now, so the page checks for changes regularly."],
  offline: ["Offline", "No connection. The page reconnects automatically."],
};

/**
 * Shows whether updates arrive.
 * @param {{state: import("herald/taskFeed.js").State}} props
 */
export function Connection({ state }) {
  const [label, explanation] = LABELS[state];
  return html`<span class="connection ${state}" data-connection=${state} role="status" title=${explanation}>${label}</span>`;
}
