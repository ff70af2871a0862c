/** @typedef {{pointer: string, detail: string}} FieldError */

/**
 * Find the field of each error: the one that its pointer names, or else the one around it.
 * @param {FieldError[]} errors the pointers start with `/payload`
 * @param {Iterable<string>} names of the form's fields
 * @returns {{atFields: Map<string, string>, others: string[]}} by the field's name, its messages; and the messages
 *   that belong to no field
 */
export function placeErrors(errors, names) {
  const known = new Set(names);
  /** @type {Map<string, string>} */
  const atFields = new Map();
  const others = [];
  for (const { pointer, detail } of errors) {
    const path = pointer.replace(/^\/payload\/?/, "");
    let name = path;
    while (name && !known.has(name)) name = name.slice(0, Math.max(name.lastIndexOf("/"), 0));
    const message = within(path.slice(name ? name.length + 1 : 0), detail);
    if (!name) others.push(message);
    else atFields.set(name, [...(atFields.has(name) ? [atFields.get(name)] : []), message].join(" "));
  }
  return { atFields, others };
}

/** @param {string} place of the error in the field's value, such as `2` @param {string} detail */
function within(place, detail) {
  if (!place) return detail;
  return `${/^\d+$/.test(place) ? `Entry ${Number(place) + 1}` : place}: ${detail}`;
}
