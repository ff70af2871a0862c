/** Asks for an operator's token, where the server hands out none. */
import { html } from "../ui/html.js";

/** @param {{why?: string, onToken: (token: string) => void}} props */
export function TokenForm({ why, onToken }) {
  const submit = (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get("token");
    if (typeof token === "string" && token.trim()) onToken(token.trim());
  };
  return html`<main class="ops">
    <h1>Herald: operations</h1>
    ${why && html`<p class="fault" role="alert">That token was not taken: ${why}.</p>`}
    <form onSubmit=${submit}>
      <label for="token">A token whose <code>scope</code> holds <code>operator</code></label>
      <input id="token" name="token" type="password" autocomplete="off" required />
      <button>Look</button>
    </form>
    <p class="muted">It is kept until this tab is closed.</p>
  </main>`;
}
