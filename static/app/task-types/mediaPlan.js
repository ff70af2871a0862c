import { html } from "../../ui/html.js";

/** @param {{documents: any[]}} props one document of `/api/mediaPlanGroups` */
export function MediaPlan({ documents: [result] }) {
  const { budget } = result;
  return html`
    <h3>${result.title}</h3>
    <p>${result.summary}</p>
    <p><b>Audience.</b> ${result.audience}</p>
    <h4>Keywords</h4>
    <div class="cards">
      ${result.keywordGroups.map(({ name, keywords, message }) => html`<section><h5>${name}</h5><p>${message}</p><p class="muted">${keywords.join(", ")}</p></section>`)}
    </div>
    <h4>Channels</h4>
    <table>
      <thead><tr><th scope="col">Channel</th><th scope="col">Role</th><th scope="col">Key figures</th><th scope="col">${budget ? "Budget" : "Share"}</th></tr></thead>
      <tbody>
        ${result.channels.map(
          (channel) => html`<tr>
            <th scope="row">${channel.channel}</th>
            <td>${channel.role}</td>
            <td>${channel.kpis.join(", ")}</td>
            <td class="number">
              ${budget ? money(channel.budget, budget.currency) : `${channel.share} %`}
              <div class="track"><div class="bar" style=${{ width: `${channel.share}%` }}></div></div>
            </td>
          </tr>`,
        )}
      </tbody>
      ${budget && html`<tfoot><tr><th scope="row" colspan="3">Together</th><td class="number">${money(budget.total, budget.currency)}</td></tr></tfoot>`}
    </table>
    <h4>Calendar, ${result.startDate} to ${result.endDate}</h4>
    ${result.weeks.map(
      (week) => html`
        <h5>Week ${week.number}: ${week.theme}</h5>
        <table>
          <thead><tr><th scope="col">Date</th><th scope="col">Channel</th><th scope="col">Post</th></tr></thead>
          <tbody>
            ${result.calendar
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
    <h4>How success is measured</h4>
    <table>
      <thead><tr><th scope="col">Figure</th><th scope="col">Target</th><th scope="col">From</th><th scope="col">How often</th></tr></thead>
      <tbody>${result.measurement.map(({ metric, target, source, rhythm }) => html`<tr><th scope="row">${metric}</th><td>${target}</td><td>${source}</td><td>${rhythm}</td></tr>`)}</tbody>
    </table>
  `;
}

/** @param {number} amount @param {string} currency */
function money(amount, currency) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
}
