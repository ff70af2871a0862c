import { html } from "./html.js";

/**
 * Short messages in the corner; they stay until they are closed or replaced.
 *
 * @param {{toasts: {id: string, text: string, action?: {label: string, run: Function}}[], close: (id: string) => void}} props
 */
export function Toasts({ toasts, close }) {
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.map(
        ({ id, text, action }) => html`
          <div class="toast" key=${id}>
            <span>${text}</span>
            ${action && html`<button onClick=${() => (action.run(), close(id))}>${action.label}</button>`}
            <button class="quiet" aria-label="Close message" onClick=${() => close(id)}>✕</button>
          </div>
        `,
      )}
    </div>
  `;
}
