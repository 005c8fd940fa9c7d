/**
 * A room this client is in: its members, its state views, and the inputs that wait for an answer. It knows the room's
 * frames and nothing of sockets: the session hands it frames and tells it when the connection goes and comes.
 */

import { Emitter } from "./emitter";
import { ParlorError } from "./errors";
import { Inputs } from "./inputs";
import type { Reply } from "./inputs";
import type { MovingFields } from "./interpolate";
import type { LocalChange } from "./predictions";
import type { ClientFrame, Durability, Member, Position, Resumed, Server } from "./protocol";
import { isMap } from "./value";
import type { Value } from "./value";
import type { View } from "./view-state";
import { Views } from "./views";
import type { Motion } from "./views";
import type { Change, EachListener, Path } from "./watch";

/** What a room tells its listeners. */
export interface RoomEvents<State = Value, Out = Value> {
  /** Something was said; `from` is the member it is from, where it is from one. */
  message: { readonly data: Out; readonly from: number | undefined; readonly seq: number };
  /** A view of the room's state as it is now. */
  state: View<State> & { readonly view: string };
  /** The same with this client's own changes, whenever that is something else than before. */
  shown: { readonly view: string; readonly value: State };
  /** Somebody came, changed or left. */
  member: {
    readonly change: "joined" | "changed" | "left";
    readonly member: Member;
    readonly reason: string | undefined;
  };
  /** The history has a cut: what the room told so far may be out of date, and it tells again what is needed. */
  reset: { readonly reason: string };
  /** The client is no longer in the room. */
  closed: { readonly code: string; readonly message: string };
}

/** What a room needs of its session. */
export interface RoomLink {
  /** Sends a frame now, or tells that there is no connection. */
  send(frame: ClientFrame): boolean;
  leave(room: string): Promise<void>;
  after(delay_ms: number, callback: () => void): () => void;
  /** Milliseconds by a clock that never goes back. */
  now(): number;
}

/** An ack goes out this long after the first frame it covers, or after this many frames. */
export const ACK_AFTER_MS = 1_000;
export const ACK_AFTER_FRAMES = 64;

/** A view that is not what the server has is asked for again this often until it is. */
export const HEAL_EVERY_MS = 1_000;

/** The server's own view of how many there are, where it does not tell of each (JN14). */
const PRESENCE = "$presence";

type ReliableFrame = Server<"room_message" | "user_joined" | "user_changed" | "user_left">;

/**
 * `State`, `In` and `Out` say what the plugin's views, inputs and messages look like. They are the caller's word: the
 * client checks that payloads are values, not what they mean.
 */
export class Room<State = Value, In = Value, Out = Value> extends Emitter<RoomEvents<State, Out>> {
  readonly name: string;
  readonly plugin: string;
  #joined: Server<"room_joined">;
  #members = new Map<number, Member>();
  #member_count = 0;
  readonly #views: Views;
  #position: Position;
  #received_count = 0;
  #unacked_count = 0;
  #cancelAck: (() => void) | undefined;
  /** Views that were asked for, each with what ends the asking. */
  readonly #healing = new Map<string, () => void>();
  #isClosed = false;
  readonly #link: RoomLink;
  readonly #inputs: Inputs;

  /** Rooms are made by `Parlor.join`. @internal */
  constructor(link: RoomLink, joined: Server<"room_joined">) {
    super();
    this.name = joined.room;
    this.plugin = joined.plugin;
    this.#link = link;
    this.#inputs = new Inputs(this.name, (frame) => link.send(frame));
    this.#views = new Views({
      now: () => link.now(),
      after: (delay_ms, callback) => link.after(delay_ms, callback),
      onShown: (view, value) => this.emit("shown", { view, value: value as State }),
    });
    this.#joined = joined;
    this.#position = this.#takeUp(joined);
  }

  /** The client as a member. */
  get you(): Member {
    return this.#members.get(this.#joined.you.id) ?? this.#joined.you;
  }
  /** The members by id; at most 100, and none where the plugin shows no presence. */
  get members(): ReadonlyMap<number, Member> {
    return this.#members;
  }
  /** How many members there are. */
  get memberCount(): number {
    return this.#member_count;
  }
  /** The latest of each state view, as the server has it. */
  get views(): ReadonlyMap<string, View<State>> {
    return this.#views.current as ReadonlyMap<string, View<State>>;
  }
  /** The code by which others may join a private room. */
  get code(): string | undefined {
    return this.#joined.code;
  }
  /** The plugin's version and digest, and what of the room survives a crash. */
  get about(): { readonly version: string; readonly digest: string; readonly durability: Durability } {
    return this.#joined;
  }
  /** The position that a resume would go on from. */
  get position(): Position {
    return this.#position;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Says something to the room. Resolves once it was applied; rejects with a coded error where it was refused, or
   * where the connection was lost and the session could not be resumed, so that nobody knows.
   */
  send(data: In): Promise<Reply> {
    return this.#inputs.send(data);
  }

  /**
   * Says something to the room, and shows at once what it is taken to lead to: `change` makes another state of a view's,
   * and leaves the old one as it is. A refusal takes the change back; once the input was applied, the server's state takes
   * its place.
   */
  predict(view: string, data: In, change: LocalChange<State>): Promise<Reply> {
    const answer = this.send(data);
    this.#views.predict(view, change as unknown as LocalChange, answer);
    return answer;
  }

  /** The latest of a view with this client's own changes. */
  shown(view: string): State | undefined {
    return this.#views.shown(view) as State | undefined;
  }

  /**
   * A view somewhere between its last two states, by the time that has passed: for things that move, drawn more often than
   * states come. It is as far behind the latest state as states are apart.
   */
  interpolated(view: string, fields: MovingFields): State | undefined {
    return this.#views.interpolated(view, fields) as State | undefined;
  }

  /**
   * The last two states of a view and how far things are between them, for views that are to be read in another way before
   * what moves in them is drawn; else use `interpolated`.
   */
  motion(view: string): Motion<State> | undefined {
    return this.#views.motion(view) as Motion<State> | undefined;
  }

  /** Calls `listener` whenever what is shown at a place in a view changes. The function returned ends that. */
  watch(view: string, path: Path, listener: (change: Change) => void): () => void {
    return this.#views.watch(view, path, listener);
  }

  /** Calls `listener` for each entry or item that comes to, changes in or goes from the map or list at a place. */
  watchEach(view: string, path: Path, listener: EachListener): () => void {
    return this.#views.watchEach(view, path, listener);
  }

  /** Leaves the room. */
  leave(): Promise<void> {
    return this.#link.leave(this.name);
  }

  /** Asks for the whole of a view again. */
  requestState(view: string): void {
    this.#link.send({ type: "state_request", room: this.name, view });
  }

  /** For the session: a frame of this room. @internal */
  onReliable(frame: ReliableFrame): void {
    if (frame.epoch === this.#position.epoch && frame.seq <= this.#position.seq) return;
    this.#position = { room: this.name, epoch: frame.epoch, seq: frame.seq };
    this.#received_count += 1;
    this.#unacked_count += 1;
    this.#ackSoon();
    if (frame.type === "room_message") {
      this.emit("message", { data: frame.data as Out, from: frame.from, seq: frame.seq });
    } else {
      this.#onMember(frame);
    }
  }

  /** For the session: the whole of a view. @internal */
  onState(frame: Server<"room_state">): void {
    this.#onView(frame.view, frame);
  }

  /** For the session: what became of a view. Of one that is asked for, there is nothing that it could be applied to. @internal */
  onPatch(view: string, frame: Server<"room_patch">): void {
    if (!this.#healing.has(view)) this.#onView(view, frame);
  }

  /** For the session: an answer to one of the inputs; tells whether it was. @internal */
  onAnswer(frame: Server<"reply" | "error">): boolean {
    return this.#inputs.onAnswer(frame);
  }

  /** For the session: the history was cut. @internal */
  onReset(reset: Pick<Server<"reset">, "epoch" | "seq" | "last_id" | "members" | "reason">): void {
    this.#position = { room: this.name, epoch: reset.epoch, seq: reset.seq };
    this.#countAnew();
    this.#setMembers(reset.members, reset.members.length);
    this.#views.clear();
    this.#inputs.onResumed(reset.last_id);
    this.emit("reset", { reason: reset.reason });
  }

  /** For the session: the connection is gone, and another one is wanted. @internal */
  onAway(): void {
    this.#inputs.onAway();
    this.#rest();
  }

  /** For the session: the connection is gone until somebody asks for another one. @internal */
  onStopped(error: ParlorError): void {
    this.#inputs.onStopped(error);
    this.#rest();
  }

  /** For the session: it was resumed, and the missed frames follow, or a reset. The count goes on. @internal */
  onResumed(resumed: Resumed): void {
    this.#inputs.onResumed(resumed.last_id);
    if (this.#unacked_count > 0) this.#ackSoon();
  }

  /** For the session: the session was not resumed; what was under way is lost. @internal */
  onLost(): void {
    this.#inputs.onLost();
  }

  /** For the session: joined again, as a new member. @internal */
  onJoinedAgain(joined: Server<"room_joined">, reason: string): void {
    this.#joined = joined;
    this.#position = this.#takeUp(joined);
    this.#views.clear();
    this.emit("reset", { reason });
  }

  /** For the session: this is no longer a room the client is in. @internal */
  onClosed(code: string, message: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rest();
    this.#inputs.close(new ParlorError(code, message, this.name));
    this.emit("closed", { code, message });
  }

  /** A frame that does not lead to what the server has is answered by asking for the whole. */
  #onView(view: string, frame: Server<"room_state" | "room_patch">): void {
    const next = this.#views.next(view, frame);
    if (next === undefined) return this.#heal(view);
    this.#healed(view);
    if (view === PRESENCE) return this.#onPresence(next.value);
    this.#views.take(view, next);
    this.emit("state", { view, ...(next as View<State>) });
  }

  /** The whole of every view comes with the next connection. */
  #rest(): void {
    this.#holdAck();
    for (const view of [...this.#healing.keys()]) this.#healed(view);
  }

  #heal(view: string): void {
    if (this.#healing.has(view)) return;
    this.requestState(view);
    const again = () => {
      this.#healing.delete(view);
      this.#heal(view);
    };
    this.#healing.set(view, this.#link.after(HEAL_EVERY_MS, again));
  }

  #healed(view: string): void {
    this.#healing.get(view)?.();
    this.#healing.delete(view);
  }

  #takeUp(joined: Server<"room_joined">): Position {
    this.#countAnew();
    this.#setMembers(joined.members, joined.member_count);
    this.#inputs.onResumed(joined.last_id);
    return { room: joined.room, epoch: joined.epoch, seq: joined.seq };
  }

  #setMembers(members: readonly Member[], count: number): void {
    this.#members = new Map(members.map((member) => [member.id, member]));
    this.#member_count = count;
  }

  #onMember(frame: Server<"user_joined" | "user_changed" | "user_left">): void {
    const { member, reason } = frame;
    const known = this.#members.has(member.id);
    if (frame.type === "user_left") this.#members.delete(member.id);
    else this.#members.set(member.id, member);
    if (frame.type === "user_joined" && !known) this.#member_count += 1;
    if (frame.type === "user_left" && known) this.#member_count -= 1;
    const change = ({ user_joined: "joined", user_changed: "changed", user_left: "left" } as const)[frame.type];
    this.emit("member", { change, member, reason });
  }

  #onPresence(state: Value): void {
    const count = isMap(state) ? state["count"] : undefined;
    if (typeof count === "number") this.#member_count = count;
  }

  /** The server counts from here too. */
  #countAnew(): void {
    this.#received_count = 0;
    this.#unacked_count = 0;
    this.#holdAck();
  }

  #ackSoon(): void {
    if (this.#unacked_count >= ACK_AFTER_FRAMES) return this.#ack();
    this.#cancelAck ??= this.#link.after(ACK_AFTER_MS, () => this.#ack());
  }

  #holdAck(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
  }

  #ack(): void {
    this.#holdAck();
    this.#unacked_count = 0;
    this.#link.send({ type: "ack", ...this.#position, count: this.#received_count });
  }
}
