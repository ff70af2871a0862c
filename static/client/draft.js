/**
 * Assembles the draft of a task from the pieces that arrive while a model is writing it.
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
 * @property {string} [part] the answer it belongs to, if the step asks for several at the same time
 * @property {number} start the position of the piece in the answer, in Unicode characters; 0 starts the answer over
 * @property {string} text
 */

/** @typedef {{attempt: number, step: string, part?: string, length: number, text: string}} Answer */

export class Draft {
  /** @type {Answer[] | null} the current answers; created when they are first read */
  #current = null;

  constructor() {
    /** @type {Map<string, Answer>} */
    this.answers = new Map();
  }

  /**
   * Add a piece. A known piece changes nothing; if pieces before it are missing, an ellipsis marks the gap.
   * @param {Delta} delta
   * @returns {boolean} whether anything changed
   */
  add({ attempt, step, part, start, text }) {
    const name = `${step}\n${part ?? ""}`;
    const known = this.answers.get(name);
    if (known && attempt < known.attempt) return false;
    const length = start + [...text].length;
    const restarts = !known || start === 0 || attempt > known.attempt;
    if (!restarts && start < known.length) return false;
    const before = restarts ? (start > 0 ? "…" : "") : start > known.length ? `${known.text}…` : known.text;
    this.answers.delete(name); // the newest answer is the last one
    this.answers.set(name, { attempt, step, part, length, text: before + text });
    this.#current = null;
    return true;
  }

  /** @returns {Answer[]} the answers of the current step, sorted by part; the same array until a piece is added */
  current() {
    this.#current ??= this.#sorted();
    return this.#current;
  }

  #sorted() {
    const answers = [...this.answers.values()];
    const step = answers.at(-1)?.step;
    return answers
      .filter((answer) => answer.step === step)
      .sort((a, b) => (a.part ?? "").localeCompare(b.part ?? "", "en", { numeric: true }));
  }
}

/**
 * Extract the texts of a JSON document that is still being written, for people to read.
 *
 * @param {string} json any part of the document; it may be cut off anywhere
 * @returns {{label: string, text: string}[]} each text with the name of its field
 * @example
 * readTexts('{"title":"Tea","callToAction":"Try i'); // [{label: "Title", text: "Tea"}, {label: "Call to action", text: "Try i"}]
 */
export function readTexts(json) {
  const texts = [];
  let label = "";
  for (const [, inner, closed, colon] of json.matchAll(/"((?:[^"\\]|\\.)*)(?:(")(\s*:)?|\\?$)/gs)) {
    if (colon) label = titleOf(inner);
    else if (inner) texts.push({ label, text: unescapeText(inner, closed) });
  }
  return texts;
}

/** @param {string} text @param {string | undefined} closed its end quote; without it, an escape may be cut off */
function unescapeText(text, closed) {
  try {
    return JSON.parse(`"${closed ? text : text.replace(/\\u[\da-f]{0,3}$/i, "")}"`);
  } catch {
    return text;
  }
}

/** @param {string} name in camelCase */
function titleOf(name) {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
