/**
 * Who uses this page: a demo user that this browser remembers, or the one that `?user=` names.
 */

const STORED = "herald.user";

/** @returns {string} the user's id */
export function currentUser() {
  const named = new URLSearchParams(location.search).get("user");
  if (named) return named;
  const known = localStorage.getItem(STORED) ?? `demo-${crypto.randomUUID().slice(0, 8)}`;
  localStorage.setItem(STORED, known);
  return known;
}

/**
 * A source of tokens that asks for a new one shortly before the old one ends.
 * @param {string} userId
 * @param {string} [scope] `operator` for one who runs Herald
 * @returns {() => Promise<string>}
 */
export function tokenSource(userId, scope = "") {
  let pending = null;
  let freshUntil = 0;
  return () => {
    if (!pending || Date.now() > freshUntil) {
      freshUntil = Infinity; // while this request runs, everybody waits for it
      pending = requestToken(userId, scope).then(
        ({ token, expiresIn }) => {
          freshUntil = Date.now() + expiresIn * 800;
          return token;
        },
        (error) => {
          pending = null;
          throw error;
        },
      );
    }
    return pending;
  };
}

async function requestToken(userId, scope) {
  const response = await fetch("/api/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ userId, scope }),
  });
  if (!response.ok) throw new Error("This demo page gets its tokens from a development server only.");
  return response.json();
}
