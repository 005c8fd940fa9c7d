/** The frames of the protocol as TypeScript types. */

import { CLIENT_FRAMES, SERVER_FRAMES } from "./protocol/frames";
import type { CREATE, DURABILITY, MEMBER, POSITION, RESUMED, SEAT, VISIBILITY } from "./protocol/frames";
import type { FrameOf, Shape } from "./protocol/schema";

/** What a client sends. */
export type ClientFrame = FrameOf<typeof CLIENT_FRAMES>;
/** What the server sends. */
export type ServerFrame = FrameOf<typeof SERVER_FRAMES>;
/** The frame of one type. */
export type Client<T extends ClientFrame["type"]> = Extract<ClientFrame, { type: T }>;
/** The frame of one type. */
export type Server<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

/** A session in a room. */
export type Member = Shape<(typeof MEMBER)["fields"]>;
/** A client's position in a room. */
export type Position = Shape<(typeof POSITION)["fields"]>;
/** A room that was resumed. */
export type Resumed = Shape<(typeof RESUMED)["fields"]>;

export type Seat = (typeof SEAT)["names"][number];
export type Create = (typeof CREATE)["names"][number];
export type Visibility = (typeof VISIBILITY)["names"][number];
export type Durability = (typeof DURABILITY)["names"][number];

export { CLIENT_FRAMES, SERVER_FRAMES };
export { FrameError } from "./protocol/shape";
