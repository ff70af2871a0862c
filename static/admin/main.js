/** Gets an operator's token and starts the operators' page. */
import { TaskService } from "herald/taskService.js";

import { html, mount } from "../ui/html.js";
import { hubUrl, tokenSource } from "../ui/session.js";
import { AdminPage } from "./adminPage.js";
import { OverviewFeed } from "./overviewFeed.js";
import { TokenForm } from "./tokenForm.js";

const STORED_TOKEN = "herald.operatorToken";

/** @param {() => Promise<string>} getToken */
function start(getToken) {
  const feed = new OverviewFeed({ url: hubUrl(), getToken, onRefused: askForToken });
  mount(html`<${AdminPage} feed=${feed} service=${new TaskService({ getToken })} getToken=${getToken} />`, "admin");
}

/** @param {string} [reason] why the server refused the previous token */
function askForToken(reason) {
  sessionStorage.removeItem(STORED_TOKEN);
  /** @param {string} token */
  const onToken = (token) => {
    sessionStorage.setItem(STORED_TOKEN, token);
    start(async () => token);
  };
  mount(html`<${TokenForm} reason=${reason} onToken=${onToken} />`, "admin");
}

const stored = sessionStorage.getItem(STORED_TOKEN);
if (stored) {
  start(async () => stored);
} else {
  const getToken = tokenSource("operator", "operator");
  getToken().then(
    () => start(getToken),
    () => askForToken(), // a production server issues no tokens
  );
}
