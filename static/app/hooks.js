/** What the app's components have in common. */
import { useEffect, useState } from "preact/hooks";

/**
 * Draw at most once a frame, however much is told.
 * @param {(tell: () => void) => () => void} watch begins to tell, and returns what ends it
 * @param {() => void} draw
 * @returns {() => void} ends it
 */
export function onceAFrame(watch, draw) {
  let frame = 0;
  const stop = watch(() => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  });
  return () => {
    stop();
    cancelAnimationFrame(frame);
  };
}

/**
 * What the feed knows.
 * @param {import("herald/taskFeed.js").TaskFeed} feed
 */
export function useFeed(feed) {
  const [snapshot, setSnapshot] = useState(feed.getSnapshot);
  useEffect(() => onceAFrame(feed.subscribe, () => setSnapshot(feed.getSnapshot())), [feed]);
  return snapshot;
}

/** @type {Set<(now: number) => void>} */
const watches = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} one for all, so that they are drawn together */
let ticking;

/** The time, told once a second. @returns {number} milliseconds */
export function useNow() {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    watches.add(setNow);
    ticking ??= setInterval(() => watches.forEach((watch) => watch(Date.now())), 1000);
    return () => {
      watches.delete(setNow);
      if (watches.size === 0) {
        clearInterval(ticking);
        ticking = undefined;
      }
    };
  }, []);
  return now;
}
