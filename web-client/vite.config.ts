import { defineConfig } from "vitest/config";

const SERVER = process.env["PARLOR_URL"] ?? "http://127.0.0.1:8080";

/** The pages, as the server embeds them: `/`, `/play/`, `/arena/` and `/replay/`. The SDK has a build of its own, in `vite.lib.config.ts`. */
export default defineConfig({
  build: {
    outDir: "../target/bundle/web",
    emptyOutDir: true,
    // Below /play/, which stays the server's own also where `--web` serves other files at /.
    assetsDir: "play/assets",
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: {
      input: {
        lobby: "index.html",
        play: "play/index.html",
        arena: "arena/index.html",
        replay: "replay/index.html",
      },
    },
  },
  server: {
    proxy: { "/ws": { target: SERVER, ws: true }, "/storage": { target: SERVER } },
  },
  test: { include: ["src/**/*.test.ts"] },
});
