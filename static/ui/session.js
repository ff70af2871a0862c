/** Identifies the page's user, and gets tokens from a development server. */

const STORED_USER = "herald.user";

/** @returns {string} the user named by `?user=`, or else a demo user that this browser remembers */
export function currentUser() {
  const named = new URLSearchParams(location.search).get("user");
  if (named) return named;
  const user = localStorage.getItem(STORED_USER) ?? `demo-${crypto.randomUUID().slice(0, 8)}`;
  localStorage.setItem(STORED_USER, user);
  return user;
}

/** @returns {string} the URL of this server's hub */
export function hubUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`;
}

/**
 * Create a function that returns a valid token, and requests a new one shortly before the old one expires.
 * @param {string} userId
 * @param {string} [scope] `operator` for operators
 * @returns {() => Promise<string>}
 */
export function tokenSource(userId, scope = "") {
  /** @type {Promise<string> | null} */
  let token = null;
  let freshUntil = 0;
  return () => {
    if (!token || Date.now() > freshUntil) {
      freshUntil = Infinity; // until this request has ended, all callers wait for it
      token = requestToken(userId, scope).then(
        (response) => {
          freshUntil = Date.now() + response.expiresIn * 800;
          return response.token;
        },
        (error) => {
          token = null;
          throw error;
        },
      );
    }
    return token;
  };
}

/**
 * @param {string} userId
 * @param {string} scope
 * @returns {Promise<{token: string, expiresIn: number}>} `expiresIn` is in seconds
 */
async function requestToken(userId, scope) {
  const response = await fetch("/api/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ userId, scope }),
  });
  if (!response.ok) throw new Error("This demo page only works with a development server, which issues its tokens.");
  return response.json();
}
