/**
 * What this page saw of the newest match, kept to be saved as a replay: boards, chat, who came and went. It is bounded;
 * a long match is kept with fewer boards rather than cut off.
 */

import type { Member, Value } from "../../lib";
import { writeFrame, writeReplay } from "../replay/format";
import type { Frame, MemberChange, ReplayMember } from "../replay/format";
import { MATCH_MS } from "./board-state";
import type { BoardState } from "./board-state";

export const RECORDING_LENGTH_MAX = 4 * 1024 * 1024;
/** However much is said, half of the space is the boards'. */
const MESSAGES_LENGTH_MAX = RECORDING_LENGTH_MAX / 2;
/** What is left of a match only falls; where it rises by more than the network's jitter, this is another one. */
const NEXT_MATCH_MS = 1_500;

interface Kept {
  readonly frame: Frame;
  readonly length: number;
}

/** What of the room goes into the head of the file. */
export interface RecordedRoom {
  readonly plugin: string;
  readonly plugin_version: string;
  readonly room: string;
}

export class Recorder {
  readonly #about: RecordedRoom;
  /** Rising milliseconds. */
  readonly #now: () => number;
  /** Milliseconds since 1970. */
  readonly #date: () => number;
  #kept: Kept[] = [];
  #length = 0;
  #messages_length = 0;
  #members: readonly ReplayMember[] = [];
  #recorded_at = 0;
  #left_ms = 0;
  /** When something last happened, in the match and on the clock of this page. */
  #last_ms = 0;
  #last_now_ms = 0;
  #state: "empty" | "recording" | "complete" = "empty";

  constructor(about: RecordedRoom, now = () => performance.now(), date = () => Date.now()) {
    this.#about = about;
    this.#now = now;
    this.#date = date;
  }

  /** Whether a whole match, as far as this page saw it, can be saved. */
  get isComplete(): boolean {
    return this.#state === "complete";
  }

  /** A board as it came; `members` are those who are in the room now. */
  onBoard(value: Value, board: BoardState, members: Iterable<Member>): void {
    const { status, time_remaining_ms } = board;
    if (status === "active" && this.#isNext(time_remaining_ms)) this.#begin(members);
    if (this.#state !== "recording") return;
    // While the match runs the server says how far it is; what arrives late or in a bundle is put where it belongs.
    if (status === "active") this.#moveTo(MATCH_MS - time_remaining_ms);
    else this.#moveTo(this.#passed());
    this.#left_ms = time_remaining_ms;
    this.#keep({ kind: "state", at_ms: this.#last_ms, view: "board", state: value });
    if (status === "completed") this.#state = "complete";
    // A match that goes back to the waiting room was not finished; there is no result to offer it at.
    if (status === "waiting") this.#state = "empty";
  }

  /** A message of the chat beside the game, named `room`. */
  onMessage(room: string, data: Value, from: number | undefined): void {
    if (this.#state !== "recording") return;
    this.#moveTo(this.#passed());
    this.#keep({ kind: "message", at_ms: this.#last_ms, room, ...(from === undefined ? {} : { from }), data });
  }

  onMember(change: "joined" | "changed" | "left", { id, name, seat }: Member, reason: string | undefined): void {
    const kind: MemberChange | undefined =
      change === "changed" ? (reason === "away" || reason === "back" ? reason : undefined) : change;
    if (this.#state !== "recording" || kind === undefined) return;
    this.#moveTo(this.#passed());
    const stamp = { kind: "member", at_ms: this.#last_ms, id, name, change: kind } as const;
    this.#keep(kind === "joined" ? { ...stamp, seat } : stamp);
  }

  /** The file. */
  text(): string {
    const frames = this.#kept.map(({ frame }) => frame);
    const duration_ms = this.#last_ms - (frames[0]?.at_ms ?? 0);
    const { plugin, plugin_version, room } = this.#about;
    return writeReplay({
      plugin,
      plugin_version,
      room,
      recorded_at: this.#recorded_at,
      duration_ms,
      members: this.#members,
      frames,
    });
  }

  /** What to call the file. */
  get filename(): string {
    // Names of rooms may hold what names of files may not.
    const room = this.#about.room.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 60);
    const time = new Date(this.#recorded_at).toISOString().slice(0, 16).replace("T", "-").replace(":", "");
    const { plugin } = this.#about;
    // Rooms that are made by a button are named after their plugin.
    return `${room.startsWith(`${plugin}-`) ? room : `${plugin}-${room}`}-${time}.json`;
  }

  #isNext(left_ms: number): boolean {
    return this.#state !== "recording" || left_ms > this.#left_ms + NEXT_MATCH_MS;
  }

  #begin(members: Iterable<Member>): void {
    this.#state = "recording";
    this.#kept = [];
    this.#length = 0;
    this.#messages_length = 0;
    this.#members = [...members].map(({ id, name, seat }) => ({ id, name, seat }));
    this.#recorded_at = this.#date();
    this.#last_ms = 0;
  }

  #passed(): number {
    return this.#last_ms + Math.round(this.#now() - this.#last_now_ms);
  }

  #moveTo(at_ms: number): void {
    this.#last_ms = Math.max(this.#last_ms, at_ms);
    this.#last_now_ms = this.#now();
  }

  #keep(frame: Frame): void {
    const { length } = writeFrame(frame);
    if (frame.kind !== "state" && this.#messages_length + length > MESSAGES_LENGTH_MAX) return;
    if (this.#length + length > RECORDING_LENGTH_MAX) this.#thin();
    this.#kept.push({ frame, length });
    this.#length += length;
    if (frame.kind !== "state") this.#messages_length += length;
  }

  /** Lets go of every second board but the first: each is whole, so the others say the same as before. */
  #thin(): void {
    let count = 0;
    this.#kept = this.#kept.filter(({ frame }) => frame.kind !== "state" || count++ % 2 === 0);
    this.#length = this.#kept.reduce((sum, { length }) => sum + length, 0);
  }
}
