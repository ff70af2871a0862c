/** The task types that the page offers. */
import { brandKit } from "./brandKit.js";
import { mediaPlan } from "./mediaPlan.js";
import { personas } from "./personas.js";

/** @type {Record<string, import("./taskType.js").TaskType>} */
export const TASK_TYPES = {
  GENERATE_MEDIA_PLAN: mediaPlan,
  GENERATE_BRAND_KIT: brandKit,
  AUTO_GENERATE_PERSONAS: personas,
};

/** @param {string} type @returns {string} its name on the page */
export function nameOf(type) {
  return TASK_TYPES[type]?.name ?? type;
}

/**
 * Convert a form's values to a payload; empty fields are left out.
 * @param {string} type
 * @param {FormData} form
 */
export function payloadOf(type, form) {
  /** @type {Record<string, any>} */
  const payload = {};
  for (const { path, parse = parseText } of TASK_TYPES[type].fields) {
    const value = parse(String(form.get(path.join("/")) ?? "").trim());
    if (value === undefined) continue;
    const parent = path.slice(0, -1).reduce((object, key) => (object[key] ??= {}), payload);
    parent[path[path.length - 1]] = value;
  }
  return payload;
}

/** @param {string} text @returns {string | undefined} */
function parseText(text) {
  return text || undefined;
}
