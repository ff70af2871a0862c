import { useEffect, useState } from "preact/hooks";

/** @type {Set<(now: number) => void>} */
const listeners = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} one timer for all components, so that they update together */
let timer;

/** The current time, updated once a second. @returns {number} milliseconds since 1970 */
export function useNow() {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    listeners.add(setNow);
    timer ??= setInterval(() => listeners.forEach((listener) => listener(Date.now())), 1000);
    return () => {
      listeners.delete(setNow);
      if (listeners.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return now;
}
