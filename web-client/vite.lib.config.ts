import { defineConfig } from "vite";

/** The SDK as one file: the package's entry, and what the server hands out as `/parlor.js`. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: process.env["PARLOR_LIB_DIR"] ?? "dist",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/lib/index.ts", formats: ["es"], fileName: () => "parlor.js" },
  },
});
