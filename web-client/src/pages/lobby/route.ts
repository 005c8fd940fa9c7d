/** Which room the address names, so that a reload comes back and a link leads there. */

export type Route =
  | { readonly page: "lobby" }
  | { readonly page: "room"; readonly room: string; readonly isWatching: boolean }
  | { readonly page: "code"; readonly code: string; readonly isWatching: boolean };

/** Reads the route from the query of an address. */
export function readRoute(search: string): Route {
  const query = new URLSearchParams(search);
  const isWatching = query.has("watch");
  const code = normaliseCode(query.get("code") ?? "");
  if (code) return { page: "code", code, isWatching };
  const room = query.get("room");
  return room ? { page: "room", room, isWatching } : { page: "lobby" };
}

/** The query of a route's address; an empty one is the lobby. */
export function writeRoute(route: Route): string {
  if (route.page === "lobby") return "";
  const query = new URLSearchParams(route.page === "room" ? { room: route.room } : { code: route.code });
  if (route.isWatching) query.set("watch", "");
  return `?${query.toString().replace(/=$/, "")}`;
}

/** A code as people type it: in small letters, with spaces. */
export function normaliseCode(typed: string): string {
  return typed.replace(/[\s-]/g, "").toUpperCase();
}
