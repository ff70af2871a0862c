import { Herald } from "@herald-push/client";

const url = new URLSearchParams(location.search).get("herald") ?? "";

async function getToken(): Promise<string> {
  const response = await fetch(`${url}/api/token`, { method: "POST", body: JSON.stringify({ userId: "ada" }) });
  return (await response.json()).token;
}

export const herald = new Herald({ url, getToken });
