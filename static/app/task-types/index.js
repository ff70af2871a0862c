/**
 * The task types that the page offers: their names, their forms, and what they make.
 *
 * A field's `path` says where its value goes in the payload.
 */

const lines = (text) => text.split(/[,\n]/).map((part) => part.trim()).filter(Boolean);
const number = (text) => (text === "" ? undefined : Number(text));

export const TASK_TYPES = {
  GENERATE_MEDIA_PLAN: {
    name: "Media plan",
    made: "media plan",
    verb: "Plan media",
    about: "A strategy, channels with their budget, and a dated calendar of posts.",
    steps: ["Objective", "Keywords", "Settings"],
    fields: [
      { path: ["objective"], label: "Objective", kind: "textarea", required: true, maxLength: 2000, example: "Sell out the autumn workshop" },
      { step: 1, path: ["keywords"], label: "Keywords", hint: "separated by commas", kind: "textarea", required: true, read: lines, example: "pottery, slow craft, gifts" },
      { step: 2, path: ["settings", "channels"], label: "Channels", hint: "separated by commas; else we choose", read: lines, example: "Instagram, Newsletter" },
      { step: 2, path: ["settings", "weeks"], label: "Weeks", kind: "number", min: 1, max: 26, value: "2", read: number },
      { step: 2, path: ["settings", "postsPerWeek"], label: "Posts a week", kind: "number", min: 1, max: 14, value: "3", read: number },
      { step: 2, path: ["settings", "startDate"], label: "First day", hint: "else next Monday", kind: "date" },
      { step: 2, path: ["settings", "budget"], label: "Budget", kind: "number", min: 0, read: number },
      { step: 2, path: ["settings", "currency"], label: "Currency", maxLength: 3, value: "EUR" },
      { step: 2, path: ["settings", "language"], label: "Language", maxLength: 200, example: "English" },
      { step: 2, path: ["settings", "tone"], label: "Tone", maxLength: 200, example: "clear and friendly" },
    ],
  },
  GENERATE_BRAND_KIT: {
    name: "Brand kit",
    made: "brand kit",
    verb: "Make a brand kit",
    about: "A position, a voice and a look for a brand.",
    fields: [
      { path: ["brandName"], label: "Brand name", required: true, maxLength: 200, example: "Northlight Pottery" },
      { path: ["description"], label: "What it does", kind: "textarea", required: true, maxLength: 2000, example: "Workshops and tableware from a studio by the sea." },
      { path: ["industry"], label: "Industry", maxLength: 200, example: "crafts" },
      { path: ["values"], label: "Values", hint: "separated by commas", read: lines, example: "patience, honesty" },
      { path: ["tone"], label: "Tone", maxLength: 200, example: "calm and direct" },
    ],
  },
  AUTO_GENERATE_PERSONAS: {
    name: "Personas",
    made: "set of personas",
    verb: "Find personas",
    about: "The people whom a product is for.",
    fields: [
      { path: ["product"], label: "Product", kind: "textarea", required: true, maxLength: 2000, example: "A weekend pottery course for beginners" },
      { path: ["market"], label: "Market", maxLength: 200, example: "crafts in Denmark" },
      { path: ["count"], label: "How many", kind: "number", min: 1, max: 10, value: "3", read: number },
    ],
  },
};

/** @param {string} type @returns {string} what the page calls the type */
export function nameOf(type) {
  return TASK_TYPES[type]?.name ?? type;
}

/**
 * A form's values as the payload that they stand for; empty fields are left out.
 * @param {string} type
 * @param {FormData} form
 */
export function payloadOf(type, form) {
  const payload = {};
  for (const { path, read = (text) => text || undefined } of TASK_TYPES[type].fields) {
    const value = read(String(form.get(path.join("/")) ?? "").trim());
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const inner = path.slice(0, -1).reduce((object, key) => (object[key] ??= {}), payload);
    inner[path.at(-1)] = value;
  }
  return payload;
}
