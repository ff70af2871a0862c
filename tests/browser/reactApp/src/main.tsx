import { HeraldProvider } from "@herald-push/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { herald } from "./client";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <HeraldProvider client={herald}>
      <App />
    </HeraldProvider>
  </StrictMode>,
);

declare global {
  interface Window {
    herald: typeof herald;
    /** How often each component has been rendered, for the test. */
    renders: Record<string, number>;
  }
}
window.herald = herald;
