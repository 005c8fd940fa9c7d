/** What a replay shows at a moment: the latest of each view, what was said until then, and who is there. */

import type { Frame, MemberFrame, MessageFrame, Replay, ReplayMember, StateFrame } from "./format";
import { countUntil } from "./player";

/** Somebody in the room, as of a moment. */
export interface Present extends ReplayMember {
  readonly isAway: boolean;
}

/** Frames of one kind, with their times beside them to search in. */
interface Track<T> {
  readonly frames: readonly T[];
  readonly times_ms: readonly number[];
}

/** Who was there after `count` changes. */
interface PresentAt {
  readonly count: number;
  readonly members: Map<number, Present>;
  readonly list: readonly Present[];
}

export class Timeline {
  readonly replay: Replay;
  readonly #talk: Track<MessageFrame | MemberFrame>;
  readonly #members: Track<MemberFrame>;
  readonly #views = new Map<string, Track<StateFrame>>();
  /** Who was there after so many changes. Moments mostly follow each other, so it is taken on from there. */
  #present: PresentAt;

  constructor(replay: Replay) {
    this.replay = replay;
    this.#talk = trackOf(replay.frames.filter((frame) => frame.kind !== "state"));
    this.#members = trackOf(replay.frames.filter((frame) => frame.kind === "member"));
    const states = replay.frames.filter((frame) => frame.kind === "state");
    for (const [view, frames] of groupByView(states)) this.#views.set(view, trackOf(frames));
    this.#present = this.#atStart();
  }

  /** The views in the order in which they first appear. */
  get views(): readonly string[] {
    return [...this.#views.keys()];
  }

  /** All that was published of a view. */
  statesOf(view: string): readonly StateFrame[] {
    return this.#views.get(view)?.frames ?? [];
  }

  /** A view as it is at a moment; undefined before it was published. */
  stateAt(view: string, position_ms: number): StateFrame | undefined {
    const track = this.#views.get(view);
    return track?.frames[countUntil(track.times_ms, position_ms) - 1];
  }

  /** What was said, and who came and went, in order. */
  get talk(): readonly (MessageFrame | MemberFrame)[] {
    return this.#talk.frames;
  }

  /** How much of the talk there was until a moment. */
  talkCountAt(position_ms: number): number {
    return countUntil(this.#talk.times_ms, position_ms);
  }

  /** Who is in the room at a moment: the same list as before where nothing changed. */
  membersAt(position_ms: number): readonly Present[] {
    const count = countUntil(this.#members.times_ms, position_ms);
    if (count < this.#present.count) this.#present = this.#atStart();
    if (count === this.#present.count) return this.#present.list;
    const { members } = this.#present;
    for (const frame of this.#members.frames.slice(this.#present.count, count)) {
      const { id, name, change } = frame;
      const before = members.get(id);
      if (change === "left") members.delete(id);
      else if (change === "joined") members.set(id, { id, name, seat: frame.seat ?? "player", isAway: false });
      else members.set(id, { id, name, seat: before?.seat ?? "player", isAway: change === "away" });
    }
    this.#present = { count, members, list: [...members.values()] };
    return this.#present.list;
  }

  /** The first name by which a member is known. */
  nameOf(id: number): string | undefined {
    return [...this.replay.members, ...this.#members.frames].find((member) => member.id === id)?.name;
  }

  #atStart(): PresentAt {
    const list = this.replay.members.map((member) => ({ ...member, isAway: false }));
    return { count: 0, members: new Map(list.map((member) => [member.id, member])), list };
  }
}

function trackOf<T extends Frame>(frames: readonly T[]): Track<T> {
  return { frames, times_ms: frames.map(({ at_ms }) => at_ms) };
}

function groupByView(states: readonly StateFrame[]): Map<string, StateFrame[]> {
  const views = new Map<string, StateFrame[]>();
  for (const frame of states) {
    const frames = views.get(frame.view);
    if (frames) frames.push(frame);
    else views.set(frame.view, [frame]);
  }
  return views;
}
