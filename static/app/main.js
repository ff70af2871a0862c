/** Starts the page. */
import { Herald } from "herald/herald.js";
import { HeraldProvider } from "herald/react.js";

import { html, mount } from "../ui/html.js";
import { currentUser, tokenSource } from "../ui/session.js";
import { App } from "./app.js";

const user = currentUser();
const herald = new Herald({ getToken: tokenSource(user) });

mount(html`<${HeraldProvider} client=${herald}><${App} user=${user} feed=${herald.feed} service=${herald.service} /><//>`, "app");
