// Says everything back to its sender, as `plugins/echo` does in Rust: to compare what the two cost.

import { type Ctx, type Member, Room, type ShapeOf, definePlugin, shape } from "parlor-plugin";

const input = shape.oneOf("type", { echo: { data: shape.any } });
type Input = ShapeOf<typeof input>;

class Echo extends Room<null, Input> {
  open(): null {
    return null;
  }

  message(room: Ctx, from: Member, { data }: Input): void {
    room.send(from.id, { type: "echo_reply", data });
  }
}

export default definePlugin(Echo, { name: "echo-ts", input, playersMax: 1_000, spectatorsMax: 1_000 });
