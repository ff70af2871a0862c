import { useEffect, useState } from "preact/hooks";

import { getJson } from "../ui/getJson.js";

/** @typedef {{type: string, title?: string, description?: string, app: string, version: number, announcedAt: string, online: boolean, workers: number}} RegisteredType */
/** @typedef {{type: string, app: string, message: string, at: string}} RegistrationProblem */
/** @typedef {{taskTypes: RegisteredType[], problems: RegistrationProblem[]}} Registrations */

const RELOAD_MS = 15_000;

/**
 * The registered task types, and the problems with registrations. They are read regularly, and when workers come or go.
 * @param {() => Promise<string>} getToken
 * @param {string} workers the names of the online workers
 * @returns {Registrations | null} null until they have been read
 */
export function useRegistrations(getToken, workers) {
  const [registrations, setRegistrations] = useState(/** @type {Registrations | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    const read = () =>
      getJson("/api/ops/taskTypes", getToken).then(
        (result) => isCurrent && setRegistrations(result),
        () => {}, // the next attempt follows soon
      );
    void read();
    const timer = setInterval(read, RELOAD_MS);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [getToken, workers]);
  return registrations;
}

/** @param {Registrations | null} registrations @returns {Set<string>} the types that no worker runs now */
export function offlineTypes(registrations) {
  return new Set(registrations?.taskTypes.filter(({ online }) => !online).map(({ type }) => type));
}
