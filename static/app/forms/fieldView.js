import { useContext } from "preact/hooks";

import { html } from "../../ui/html.js";
import { nameOf } from "./field.js";
import { FormContext, Hint, Message, describedBy, idOf } from "./formContext.js";
import { GroupView, ItemsView } from "./nestedViews.js";
import { isJson, textOf } from "./textOf.js";

/** @typedef {import("./field.js").Field} Field */
/** @typedef {{field: Field, name: string, isReached?: boolean}} ControlProps */

/**
 * One field with its label, its hint and the server's message about it.
 *
 * It is required only once its page has been reached, because a browser can't point at a hidden field.
 *
 * @param {{field: Field, parent: string, isReached?: boolean}} props `parent` is the name of the object around it
 */
export function FieldView({ field, parent, isReached = true }) {
  const name = nameOf(parent, field.path);
  const View = VIEWS[field.kind ?? "text"] ?? TextView;
  return html`<${View} field=${field} name=${name} isReached=${isReached} />`;
}

/** @type {Record<string, (props: any) => any>} */
const VIEWS = { constant: () => null, checkbox: CheckboxView, checkboxes: CheckboxesView, select: SelectView, json: JsonView, group: GroupView, items: ItemsView };

/** @param {ControlProps} props */
function TextView({ field, name, isReached }) {
  const attributes = { ...useControl(field, name), ...limits(field), required: requiresText(field) && isReached };
  const isLong = field.kind === "textarea" || field.list === "lines";
  return html`
    <${Labelled} field=${field} name=${name}>
      ${isLong
        ? html`<textarea rows=${field.list ? 4 : 3} defaultValue=${textOf(field)} ...${attributes}></textarea>`
        : html`<input type=${field.list ? "text" : (field.kind ?? "text")} defaultValue=${textOf(field)} ...${attributes} />`}
    <//>
  `;
}

/** @param {ControlProps} props */
function SelectView({ field, name, isReached }) {
  const { choices = [], value, whenEmpty, required } = field;
  const canBeEmpty = value === undefined || whenEmpty === null;
  return html`
    <${Labelled} field=${field} name=${name}>
      <select ...${useControl(field, name)} required=${required && whenEmpty !== null && isReached}>
        ${canBeEmpty && html`<option value="">${required && whenEmpty !== null ? "Choose…" : "Not specified"}</option>`}
        ${choices.map((choice) => html`<option key=${choice.label} value=${JSON.stringify(choice.value)} selected=${choice.value === value}>${choice.label}</option>`)}
      </select>
    <//>
  `;
}

/** @param {ControlProps} props */
function JsonView({ field, name, isReached }) {
  const check = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
    input.setCustomValidity(isJson(input.value) ? "" : "This isn't valid JSON. Put texts in double quotes.");
  };
  return html`
    <${Labelled} field=${field} name=${name}>
      <textarea class="code" rows="4" spellcheck=${false} defaultValue=${textOf(field)} onInput=${check} ...${useControl(field, name)} required=${requiresText(field) && isReached}></textarea>
    <//>
  `;
}

/** @param {{field: Field, name: string, children: any}} props */
function Labelled({ field, name, children }) {
  return html`
    <div class="field" data-field=${name}>
      <label for=${idOf(name)}>${field.label}</label>
      <${Hint} field=${field} name=${name} />
      ${children}
      <${Message} name=${name} />
    </div>
  `;
}

/** @param {ControlProps} props */
function CheckboxView({ field, name }) {
  return html`
    <div class="field" data-field=${name}>
      <label class="choice"><input type="checkbox" defaultChecked=${field.value === true} ...${useControl(field, name)} />${field.label}</label>
      <${Hint} field=${field} name=${name} />
      <${Message} name=${name} />
    </div>
  `;
}

/** @param {ControlProps} props */
function CheckboxesView({ field, name }) {
  const { choices = [], value } = field;
  const chosen = Array.isArray(value) ? value : [];
  const control = useControl(field, name);
  return html`
    <fieldset class="field" data-field=${name} aria-describedby=${control["aria-describedby"]}>
      <legend>${field.label}</legend>
      <${Hint} field=${field} name=${name} />
      <div class="choices">
        ${choices.map((choice) => html`<label class="choice" key=${choice.label}><input type="checkbox" name=${name} value=${JSON.stringify(choice.value)} defaultChecked=${chosen.includes(choice.value)} aria-invalid=${control["aria-invalid"]} />${choice.label}</label>`)}
      </div>
      <${Message} name=${name} />
    </fieldset>
  `;
}

/** The attributes that all inputs share. @param {Field} field @param {string} name */
function useControl(field, name) {
  const error = useContext(FormContext).errors.get(name);
  return { id: idOf(name), name, placeholder: field.example, "aria-invalid": error ? "true" : undefined, "aria-describedby": describedBy(field, name, error) };
}

/** @param {Field} field the limits of a list are not those of its text */
function limits({ list, kind, minLength, maxLength, min, max, step, pattern, hint }) {
  return list ? {} : { minLength, maxLength, min, max, step: kind === "number" ? (step ?? "any") : undefined, pattern, title: pattern && hint };
}

/** @param {Field} field @returns {boolean} whether the text must not be empty */
function requiresText({ required, whenEmpty, minItems }) {
  return required === true && (whenEmpty === undefined || (Array.isArray(whenEmpty) && minItems !== undefined && minItems > 0));
}
