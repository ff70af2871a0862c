/**
 * What a model is writing for a task, put together from the pieces that arrive.
 *
 * @example
 * const draft = new Draft();
 * draft.add({ attempt: 1, step: "Writing posts", part: "week 1", start: 0, text: '{"title":"Te' });
 * draft.current(); // [{ step: "Writing posts", part: "week 1", text: '{"title":"Te' }]
 */

/**
 * @typedef {object} Delta a message of type `task.delta`
 * @property {number} attempt
 * @property {string} step
 * @property {string} [part] which of the answers that a step asks for at the same time
 * @property {number} start where in the answer the piece begins, in Unicode characters; 0 begins it anew
 * @property {string} text
 */

/** @typedef {{attempt: number, step: string, part?: string, length: number, text: string}} Answer */

export class Draft {
  constructor() {
    /** @type {Map<string, Answer>} */
    this.answers = new Map();
  }

  /**
   * Take in a piece. One that is known already changes nothing; where pieces are missing before it, a line says so.
   * @param {Delta} delta
   * @returns {boolean} whether something has changed
   */
  add({ attempt, step, part, start, text }) {
    const name = `${step}\n${part ?? ""}`;
    const known = this.answers.get(name);
    if (known && attempt < known.attempt) return false;
    const length = start + [...text].length;
    const anew = !known || start === 0 || attempt > known.attempt;
    if (!anew && start < known.length) return false;
    const before = anew ? (start > 0 ? "…" : "") : start > known.length ? `${known.text}…` : known.text;
    this.answers.delete(name); // the newest is the last
    this.answers.set(name, { attempt, step, part, length, text: before + text });
    return true;
  }

  /** @returns {Answer[]} the answers of the step that is being written, in the order of their names */
  current() {
    const answers = [...this.answers.values()];
    const step = answers.at(-1)?.step;
    return answers
      .filter((answer) => answer.step === step)
      .sort((a, b) => (a.part ?? "").localeCompare(b.part ?? "", "en", { numeric: true }));
  }
}

/**
 * The texts of a JSON document that is still being written, for people to read.
 *
 * @param {string} json its beginning
 * @returns {{label: string, text: string}[]} each text with the name of its field
 * @example
 * readable('{"title":"Tea","callToAction":"Try i'); // [{label: "Title", text: "Tea"}, {label: "Call to action", text: "Try i"}]
 */
export function readable(json) {
  const found = [];
  let label = "";
  for (const [, inner, closed, colon] of json.matchAll(/"((?:[^"\\]|\\.)*)(?:(")(\s*:)?|\\?$)/gs)) {
    if (colon) label = title(inner);
    else if (inner) found.push({ label, text: unescaped(inner, closed) });
  }
  return found;
}

/** @param {string} text @param {string | undefined} closed whether its end is there, or an escape may be cut */
function unescaped(text, closed) {
  try {
    return JSON.parse(`"${closed ? text : text.replace(/\\u[\da-f]{0,3}$/i, "")}"`);
  } catch {
    return text;
  }
}

/** @param {string} name in camelCase */
function title(name) {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
