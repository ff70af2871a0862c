import { useEffect, useRef, useState } from "preact/hooks";

import { html } from "./html.js";

const SHOWN_MS = 8000;

/**
 * Short messages in the corner. They go by themselves, but not while one points at them or is in them; those about
 * a failure stay. They never take the focus, and give it back when they go with it.
 *
 * @typedef {{id: string, text: string, lasting?: boolean, action?: {label: string, run: () => void}}} Toast
 * @param {{toasts: Toast[], close: (id: string) => void}} props
 */
export function Toasts({ toasts, close }) {
  const [held, setHeld] = useState(false);
  const before = useRef(/** @type {HTMLElement | null} */ (null));

  function leave(id, event) {
    const from = before.current;
    close(id);
    if (event) requestAnimationFrame(() => from?.isConnected && document.activeElement === document.body && from.focus());
  }

  return html`
    <div
      class="toasts"
      role="region"
      aria-label="Messages"
      aria-live="polite"
      onPointerEnter=${() => setHeld(true)}
      onPointerLeave=${() => setHeld(false)}
      onFocusIn=${(event) => {
        setHeld(true);
        if (!event.currentTarget.contains(event.relatedTarget)) before.current = event.relatedTarget;
      }}
      onFocusOut=${() => setHeld(false)}
    >
      ${toasts.map((toast) => html`<${One} key=${toast.id} toast=${toast} held=${held} leave=${leave} />`)}
    </div>
  `;
}

function One({ toast: { id, text, lasting, action }, held, leave }) {
  useEffect(() => {
    if (lasting || held) return undefined;
    const timer = setTimeout(() => leave(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [lasting, held]);
  return html`
    <div class="toast">
      <span>${text}</span>
      ${action && html`<button onClick=${(event) => (leave(id, event), action.run())}>${action.label}</button>`}
      <button class="quiet" aria-label="Close message" onClick=${(event) => leave(id, event)}>✕</button>
    </div>
  `;
}
