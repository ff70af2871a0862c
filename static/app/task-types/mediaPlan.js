import { html } from "../../ui/html.js";

/** @type {import("../registry/taskType.js").Override} */
export const mediaPlan = {
  label: "Media plan",
  action: "Create a media plan",
  about: "A strategy, a channel mix with budgets, and a calendar of posts.",
  ready: "Your media plan is ready",
  failed: "Your media plan failed",
  pages: ["Objective", "Keywords", "Settings"],
  fields: [
    { path: ["objective"], label: "Objective", kind: "textarea", required: true, maxLength: 2000, example: "Sell out the autumn workshop" },
    { page: 1, path: ["keywords"], label: "Keywords", hint: "separated by commas", kind: "textarea", required: true, list: "commas", example: "pottery, slow craft, gifts" },
    { page: 2, path: ["settings", "channels"], label: "Channels", hint: "separated by commas; leave empty to let us choose", list: "commas", example: "Instagram, Newsletter" },
    { page: 2, path: ["settings", "weeks"], label: "Weeks", kind: "number", min: 1, max: 26, value: 2 },
    { page: 2, path: ["settings", "postsPerWeek"], label: "Posts per week", kind: "number", min: 1, max: 14, value: 3 },
    { page: 2, path: ["settings", "startDate"], label: "Start date", hint: "next Monday by default", kind: "date" },
    { page: 2, path: ["settings", "budget"], label: "Budget", kind: "number", min: 0 },
    { page: 2, path: ["settings", "currency"], label: "Currency", maxLength: 3, value: "EUR" },
    { page: 2, path: ["settings", "language"], label: "Language", maxLength: 200, example: "English" },
    { page: 2, path: ["settings", "tone"], label: "Tone", maxLength: 200, example: "clear and friendly" },
  ],
  Result: MediaPlan,
  table: (plan) => ({
    rows: plan.calendar,
    columns: { date: "Date", week: "Week", channel: "Channel", title: "Title", copy: "Copy", hashtags: "Hashtags", callToAction: "Call to action" },
  }),
};

/**
 * The result: a document of `/api/mediaPlanGroups`.
 * @typedef {object} MediaPlanDocument
 * @property {string} title
 * @property {string} summary
 * @property {string} audience
 * @property {{name: string, keywords: string[], message: string}[]} keywordGroups
 * @property {{channel: string, role: string, kpis: string[], share: number, budget: number}[]} channels
 * @property {{total: number, currency: string}} [budget]
 * @property {string} startDate
 * @property {string} endDate
 * @property {{number: number, theme: string}[]} weeks
 * @property {{date: string, week: number, channel: string, title: string, copy: string, hashtags: string[], callToAction: string}[]} calendar
 * @property {{metric: string, target: string, source: string, rhythm: string}[]} measurement
 */

/** @param {{result: MediaPlanDocument}} props */
function MediaPlan({ result: plan }) {
  const { budget } = plan;
  return html`
    <h3>${plan.title}</h3>
    <p>${plan.summary}</p>
    <p><b>Audience.</b> ${plan.audience}</p>
    <h4>Keywords</h4>
    <div class="cards">
      ${plan.keywordGroups.map(({ name, keywords, message }) => html`<section><h5>${name}</h5><p>${message}</p><p class="muted">${keywords.join(", ")}</p></section>`)}
    </div>
    <h4>Channels</h4>
    <table>
      <thead><tr><th scope="col">Channel</th><th scope="col">Role</th><th scope="col">KPIs</th><th scope="col">${budget ? "Budget" : "Share"}</th></tr></thead>
      <tbody>
        ${plan.channels.map(
          (channel) => html`<tr>
            <th scope="row">${channel.channel}</th>
            <td>${channel.role}</td>
            <td>${channel.kpis.join(", ")}</td>
            <td class="number">
              ${budget ? money(channel.budget, budget.currency) : `${channel.share}%`}
              <div class="track"><div class="bar" style=${{ width: `${channel.share}%` }}></div></div>
            </td>
          </tr>`,
        )}
      </tbody>
      ${budget && html`<tfoot><tr><th scope="row" colspan="3">Total</th><td class="number">${money(budget.total, budget.currency)}</td></tr></tfoot>`}
    </table>
    <h4>Calendar: ${plan.startDate} to ${plan.endDate}</h4>
    ${plan.weeks.map(
      (week) => html`
        <h5>Week ${week.number}: ${week.theme}</h5>
        <table>
          <thead><tr><th scope="col">Date</th><th scope="col">Channel</th><th scope="col">Post</th></tr></thead>
          <tbody>
            ${plan.calendar
              .filter((post) => post.week === week.number)
              .map(
                (post) => html`<tr>
                  <td><time datetime=${post.date}>${post.date}</time></td>
                  <td>${post.channel}</td>
                  <td><b>${post.title}</b><br />${post.copy}<br /><span class="muted">${post.callToAction} ${post.hashtags.join(" ")}</span></td>
                </tr>`,
              )}
          </tbody>
        </table>
      `,
    )}
    <h4>Measurement</h4>
    <table>
      <thead><tr><th scope="col">Metric</th><th scope="col">Target</th><th scope="col">Source</th><th scope="col">Frequency</th></tr></thead>
      <tbody>${plan.measurement.map(({ metric, target, source, rhythm }) => html`<tr><th scope="row">${metric}</th><td>${target}</td><td>${source}</td><td>${rhythm}</td></tr>`)}</tbody>
    </table>
  `;
}

/** @param {number} amount @param {string} currency */
function money(amount, currency) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
}
