/** What the fields of a form share: the server's messages, and how they are shown. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { html } from "../../ui/html.js";

/** @typedef {import("./field.js").Field} Field */

/**
 * `errors`: by the field's name, the server's message; `forget` drops those of a field and of the fields in it.
 * @typedef {{errors: Map<string, string>, forget: (name: string) => void}} Form
 */

export const FormContext = createContext(/** @type {Form} */ ({ errors: new Map(), forget: () => {} }));

/** @param {string} name of a field @returns {string} an id of its input */
export const idOf = (name) => `field-${name.replace(/\s/g, "_")}`;

/** @param {Field} field @param {string} name @param {string} [error] @returns {string | undefined} for `aria-describedby` */
export function describedBy(field, name, error) {
  const ids = [field.hint && `${idOf(name)}-hint`, error && `${idOf(name)}-error`].filter(Boolean);
  return ids.join(" ") || undefined;
}

/** @param {{field: Field, name: string}} props */
export function Hint({ field, name }) {
  return field.hint ? html`<span class="muted hint" id=${`${idOf(name)}-hint`}>${field.hint}</span>` : null;
}

/** The server's message about a field. @param {{name: string}} props */
export function Message({ name }) {
  const error = useContext(FormContext).errors.get(name);
  return error ? html`<p class="error" id=${`${idOf(name)}-error`} role="alert">${error}</p>` : null;
}
