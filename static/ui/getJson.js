import { RequestError } from "herald/taskService.js";

/**
 * Get JSON from this server.
 * @param {string} path
 * @param {() => Promise<string>} getToken
 * @returns {Promise<any>}
 * @throws {RequestError} the server refused the request
 * @throws {TypeError} the network failed
 */
export async function getJson(path, getToken) {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${await getToken()}` } });
  if (!response.ok) throw new RequestError(response.status, await response.json().catch(() => ({})));
  return response.json();
}
