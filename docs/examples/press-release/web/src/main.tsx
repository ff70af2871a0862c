import { Herald } from "@herald-push/client";
import { HeraldProvider } from "@herald-push/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { PressOffice } from "./PressOffice";

// For development only. In production, your own server signs a token for the user who is logged in.
async function getToken(): Promise<string> {
  const response = await fetch("/api/token", { method: "POST", body: JSON.stringify({ userId: "ada" }) });
  return (await response.json()).token;
}

const herald = new Herald({ getToken });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <HeraldProvider client={herald}>
      <PressOffice />
    </HeraldProvider>
  </StrictMode>,
);
