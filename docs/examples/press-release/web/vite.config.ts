import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const herald = "http://127.0.0.1:8000";

// The page and Herald share an origin, so no CORS is needed; a reverse proxy does the same in production.
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": herald, "/connection": { target: herald, ws: true } } },
});
