import { html } from "../ui/html.js";
import { typeLabel } from "../ui/words.js";
import { Table } from "./table.js";

/**
 * The registered task types, how many workers run each, and what could not be registered.
 *
 * @param {{registrations: import("./useRegistrations.js").Registrations}} props
 */
export function TaskTypes({ registrations: { taskTypes, problems } }) {
  return html`<section>
    <h2>Task types</h2>
    ${problems.map(({ type, app, message, at }) => html`<p class="error"><code>${type}</code> of ${app} was refused at ${new Date(at).toLocaleTimeString()}: ${message}</p>`)}
    ${taskTypes.length === 0 && html`<p class="muted">No worker has announced a task type yet.</p>`}
    ${taskTypes.length > 0 &&
    html`<${Table} name="Task types" headings=${["Task type", "Name", "App", "Version", "Workers", "Announced"]}>
        ${taskTypes.map(
          ({ type, title, app, version, workers, announcedAt }) => html`<tr key=${type}>
            <th scope="row">${typeLabel(type, title)}</th>
            <td><code>${type}</code></td>
            <td>${app}</td>
            <td>${version}</td>
            <td>${workers > 0 ? workers : html`<span class="error">none online</span>`}</td>
            <td><time datetime=${announcedAt}>${new Date(announcedAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}</time></td>
          </tr>`,
        )}
    <//>`}
  </section>`;
}
