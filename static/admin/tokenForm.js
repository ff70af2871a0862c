import { html } from "../ui/html.js";

/**
 * Asks for an operator's token, because a production server issues none.
 *
 * @param {{reason?: string, onToken: (token: string) => void}} props
 */
export function TokenForm({ reason, onToken }) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const token = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("token");
    if (typeof token === "string" && token.trim()) onToken(token.trim());
  };
  return html`<main class="admin">
    <h1>Herald operations</h1>
    ${reason && html`<p class="error" role="alert">The server refused this token: ${reason}.</p>`}
    <form onSubmit=${submit}>
      <label for="token">Access token with the <code>operator</code> scope</label>
      <input id="token" name="token" type="password" autocomplete="off" required />
      <button>Continue</button>
    </form>
    <p class="muted">The token is stored until you close this tab.</p>
  </main>`;
}
