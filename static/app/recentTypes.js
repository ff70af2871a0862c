/** The task types that this browser has started last. */

const STORED = "herald.recentTypes";
const MAX_RECENT = 20;

/** @returns {string[]} newest first */
export function recentTypes() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(stored) ? stored : [];
  } catch {
    return [];
  }
}

/** @param {string} type of a task that was started */
export function rememberType(type) {
  localStorage.setItem(STORED, JSON.stringify([type, ...recentTypes().filter((each) => each !== type)].slice(0, MAX_RECENT)));
}
