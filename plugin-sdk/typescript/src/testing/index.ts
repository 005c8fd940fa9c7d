// A room under test, in Node.js.

export type { Answer, Sent, Setup } from "./host.ts";
export { TestRoom, savedRoom } from "./room.ts";
export type { Storage } from "./storage.ts";
