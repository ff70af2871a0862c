import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "./html.js";

const VISIBLE_MS = 8000;

/**
 * @typedef {object} Toast
 * @property {string} id
 * @property {string} text
 * @property {boolean} [persistent] stays until it is dismissed
 * @property {{label: string, run: () => void}} [action]
 */
/** @typedef {(id: string, event?: Event) => void} Dismiss */

/**
 * Short messages in the corner. They disappear after a while, but not while they have the pointer or the focus. They
 * never take the focus, and return it when they disappear with it.
 *
 * @param {{toasts: Toast[], onDismiss: (id: string) => void}} props
 */
export function Toasts({ toasts, onDismiss }) {
  const [paused, setPaused] = useState(false);
  const previousFocus = useRef(/** @type {HTMLElement | null} */ (null));

  /** @type {Dismiss} */
  function dismiss(id, event) {
    const previous = previousFocus.current;
    onDismiss(id);
    if (event) {
      requestAnimationFrame(() => {
        if (previous?.isConnected && document.activeElement === document.body) previous.focus();
      });
    }
  }

  return html`
    <div
      class="toasts"
      role="region"
      aria-label="Notifications"
      aria-live="polite"
      onPointerEnter=${() => setPaused(true)}
      onPointerLeave=${() => setPaused(false)}
      onFocusIn=${(/** @type {FocusEvent} */ event) => {
        setPaused(true);
        const region = /** @type {HTMLElement} */ (event.currentTarget);
        const from = /** @type {HTMLElement | null} */ (event.relatedTarget);
        if (!region.contains(from)) previousFocus.current = from;
      }}
      onFocusOut=${() => setPaused(false)}
    >
      ${toasts.map((toast) => html`<${ToastView} key=${toast.id} toast=${toast} paused=${paused} dismiss=${dismiss} />`)}
    </div>
  `;
}

/** @param {{toast: Toast, paused: boolean, dismiss: Dismiss}} props */
function ToastView({ toast: { id, text, persistent, action }, paused, dismiss }) {
  useEffect(() => {
    if (persistent || paused) return undefined;
    const timer = setTimeout(() => dismiss(id), VISIBLE_MS);
    return () => clearTimeout(timer);
  }, [persistent, paused]);
  /** @param {Event} event */
  const act = (event) => {
    dismiss(id, event);
    action?.run();
  };
  return html`
    <div class="toast">
      <span>${text}</span>
      ${action && html`<button onClick=${act}>${action.label}</button>`}
      <button class="secondary" aria-label="Dismiss" onClick=${(/** @type {Event} */ event) => dismiss(id, event)}>✕</button>
    </div>
  `;
}
