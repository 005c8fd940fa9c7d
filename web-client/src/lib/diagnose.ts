/**
 * Why a WebSocket did not open. Browsers tell a page nothing but 1006, whatever the reason, so this finds the likely
 * one from what the page can see by itself.
 */

import type { Environment } from "./environment";

/**
 * One sentence or two for a person: what is probably wrong, and what to do. Where a connection has been open before,
 * address and origin are right.
 */
export async function likelyCause(
  url: string,
  env: Pick<Environment, "online" | "origin" | "probe">,
  wasEverOpen = false,
): Promise<string> {
  if (!env.online) return "This device is offline.";
  const target = new URL(url);
  if (env.origin.startsWith("https:") && target.protocol === "ws:") {
    return `A page loaded over https may not open ${target.protocol}//; connect to wss://${target.host} instead.`;
  }
  const ready = new URL("/ready", target.protocol === "wss:" ? `https://${target.host}` : `http://${target.host}`);
  switch (await env.probe(ready.href)) {
    case "unreachable":
      if (wasEverOpen) return `${target.hostname} cannot be reached.`;
      return `Nothing answers at ${target.host}. Is the server running, and is the address right?`;
    case "unavailable":
      return "The server is starting or shutting down.";
    case "reachable":
      if (wasEverOpen) return `${target.hostname} does not let this page connect at the moment.`;
      return (
        `${target.host} answers, but did not open a WebSocket at ${target.pathname}. ` +
        `Either it does not accept pages from ${env.origin || "this origin"} (see --origin), or a proxy in between does not pass on upgrades.`
      );
  }
}
