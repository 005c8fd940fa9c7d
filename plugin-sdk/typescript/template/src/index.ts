// A room in which everybody counts clicks.

import { type Ctx, type Member, type MemberId, Refusal, Room, type ShapeOf, definePlugin, shape } from "parlor-plugin";

/** What members send. */
const input = shape.oneOf("type", {
  click: { times: shape.optional(shape.integer({ min: 1, max: 10 })) },
});
type Input = ShapeOf<typeof input>;

/** The room's state: saved, restored and replayed. Whatever the room must remember is in it. */
interface State {
  clicks: Map<MemberId, number>;
}

class Counter extends Room<State, Input> {
  open(room: Ctx): State {
    const state: State = { clicks: new Map() };
    room.state("clicks", state.clicks);
    return state;
  }

  join(room: Ctx, member: Member): void {
    room.send(member.id, { type: "hello", name: member.name });
  }

  message(room: Ctx, from: Member, { times = 1 }: Input): void {
    const clicks = (this.state.clicks.get(from.id) ?? 0) + times;
    if (clicks > 100) throw new Refusal("ENOUGH", "let the others click");
    this.state.clicks.set(from.id, clicks);
    room.state("clicks", this.state.clicks);
  }

  leave(room: Ctx, member: Member): void {
    this.state.clicks.delete(member.id);
    room.state("clicks", this.state.clicks);
  }
}

export default definePlugin(Counter, {
  name: "parlor-room-name",
  input,
  durability: "snapshot",
});
