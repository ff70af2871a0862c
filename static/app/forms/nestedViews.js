/** Fields with fields of their own: an object, and a list of objects. */
import { useContext, useEffect, useRef, useState } from "preact/hooks";

import { html } from "../../ui/html.js";
import { nameOf } from "./field.js";
import { FieldView } from "./fieldView.js";
import { FormContext, Hint, Message, describedBy } from "./formContext.js";

/** @typedef {import("./field.js").Field} Field */

/**
 * An object. One that may be left out, but not filled in halfway, is added with a button.
 * @param {{field: Field, name: string, isReached: boolean}} props
 */
export function GroupView({ field, name, isReached }) {
  const { canAdd, fields = [], label, value } = field;
  const [isAdded, setIsAdded] = useState(!canAdd);
  const { group, toggle, focusFirst, focusToggle } = useFocus();
  const change = () => {
    setIsAdded(!isAdded);
    (isAdded ? focusToggle : focusFirst)();
  };
  return html`
    <${Frame} field=${field} name=${name} group=${group}>
      ${isAdded && html`<div class="fields">${withValues(fields, value).map((each) => html`<${FieldView} key=${each.path.join("/")} field=${each} parent=${name} isReached=${isReached} />`)}</div>`}
      ${canAdd && isAdded && html`<input type="hidden" name=${name} />`}
      ${canAdd && html`<button type="button" class="secondary small" ref=${toggle} onClick=${change}>${isAdded ? "Remove" : "Add"} ${lower(label)}</button>`}
    <//>
  `;
}

/** A list of objects. @param {{field: Field, name: string, isReached: boolean}} props */
export function ItemsView({ field, name, isReached }) {
  const { fields = [], item = "Entry", minItems = 0, maxItems = Infinity, required, value } = field;
  const { forget } = useContext(FormContext);
  const [items, setItems] = useState(() => {
    const given = Array.isArray(value) ? value : [];
    const missing = Math.max((required ? Math.max(minItems, 1) : minItems) - given.length, 0);
    return [...given, ...Array(missing)].map((initial) => ({ id: crypto.randomUUID(), initial }));
  });
  const { group, toggle, focusLast, focusToggle } = useFocus();
  const add = () => {
    setItems([...items, { id: crypto.randomUUID(), initial: undefined }]);
    focusLast();
  };
  /** @param {string} id */
  const remove = (id) => {
    forget(name);
    setItems(items.filter((each) => each.id !== id));
    focusToggle();
  };
  return html`
    <${Frame} field=${field} name=${name} group=${group}>
      ${items.map(({ id, initial }, index) => {
        const itemName = nameOf(name, [index]);
        return html`
          <fieldset class="item" key=${id} data-field=${itemName}>
            <legend>${item} ${index + 1}</legend>
            <input type="hidden" name=${itemName} />
            ${withValues(fields, initial).map((each) => html`<${FieldView} key=${each.path.join("/")} field=${each} parent=${itemName} isReached=${isReached} />`)}
            <${Message} name=${itemName} />
            ${items.length > minItems && html`<button type="button" class="secondary small" onClick=${() => remove(id)}>Remove<span class="visually-hidden"> ${lower(item)} ${index + 1}</span></button>`}
          </fieldset>
        `;
      })}
      <button type="button" class="secondary small" ref=${toggle} disabled=${items.length >= maxItems} onClick=${add}>Add ${lower(item)}</button>
    <//>
  `;
}

/** @param {{field: Field, name: string, group: import("preact").RefObject<HTMLFieldSetElement>, children: any}} props */
function Frame({ field, name, group, children }) {
  const error = useContext(FormContext).errors.get(name);
  return html`
    <fieldset class="field group" ref=${group} data-field=${name} data-invalid=${error ? "" : undefined} aria-describedby=${describedBy(field, name, error)}>
      <legend>${field.label}</legend>
      <${Hint} field=${field} name=${name} />
      ${children}
      <${Message} name=${name} />
    </fieldset>
  `;
}

/** Moves the focus to what was added, or to the button if something was removed. */
function useFocus() {
  const group = useRef(/** @type {HTMLFieldSetElement | null} */ (null));
  const toggle = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const next = useRef(/** @type {(() => void) | null} */ (null));
  useEffect(() => {
    next.current?.();
    next.current = null;
  });
  const inputs = ":is(input:not([type=hidden]), textarea, select)";
  /** @param {string} selector */
  const focus = (selector) => () => /** @type {HTMLElement | null | undefined} */ (group.current?.querySelector(selector))?.focus();
  return {
    group,
    toggle,
    focusFirst: () => (next.current = focus(inputs)),
    focusLast: () => (next.current = focus(`:scope > .item:last-of-type ${inputs}`)),
    focusToggle: () => (next.current = () => toggle.current?.focus()),
  };
}

/** @param {Field[]} fields @param {unknown} value the initial value of the object around them @returns {Field[]} */
function withValues(fields, value) {
  if (typeof value !== "object" || value === null) return fields;
  const values = /** @type {Record<string, unknown>} */ (value);
  return fields.map((field) => ({ ...field, value: values[field.path[0]] ?? field.value }));
}

/** @param {string} label @returns {string} within a sentence */
const lower = (label) => (/^[A-Z][a-z]/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label);
