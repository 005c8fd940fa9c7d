// A duel of two to four riders who draw walls behind them; the last one who rides wins the round.

import { type Ctx, type Member, type MemberId, Refusal, Room, type ShapeOf, definePlugin, shape } from "parlor-plugin";
import { HEADINGS, HEIGHT, type Rider, WIDTH, type Walls, cellAt, move, noWalls, placed, turn } from "./arena.ts";

const PLAYERS_MAX = 4;
const COUNTDOWN_MS = 3_000;
const PAUSE_MS = 4_000;

/** The timers. */
const BEGIN = 1;
const NEXT_ROUND = 2;

/** What members send. */
const input = shape.oneOf("type", {
  turn: { to: shape.choice(...HEADINGS) },
});
type Input = ShapeOf<typeof input>;

/** Who takes part, or did and may come back. */
interface Player {
  name: string;
  /** 1 to 4: what its walls are made of, and where it starts. */
  number: number;
  wins: number;
}

interface State {
  phase: "waiting" | "countdown" | "riding" | "over";
  round: number;
  players: Map<MemberId, Player>;
  /** Who rides in this round, by number. */
  riders: Map<number, Rider>;
  walls: Walls;
  /** Who won the last round; null is nobody. */
  winner: MemberId | null;
}

/** The state as version 0.0 with schema 1 had it: points were kept beside the players. */
interface StateV1 extends Omit<State, "players"> {
  players: Map<MemberId, Omit<Player, "wins">>;
  points: Map<MemberId, number>;
}

class Duel extends Room<State, Input> {
  open(room: Ctx): State {
    const state: State = {
      phase: "waiting",
      round: 0,
      players: new Map(),
      riders: new Map(),
      walls: noWalls(),
      winner: null,
    };
    show(room, state);
    return state;
  }

  join(room: Ctx, member: Member): void {
    if (member.seat === "player") this.enter(room, member);
  }

  changed(room: Ctx, member: Member): void {
    const { players } = this.state;
    const player = players.get(member.id);
    if (player !== undefined) player.name = member.name;
    else if (member.seat === "player") this.enter(room, member);
    show(room, this.state);
  }

  leave(room: Ctx, member: Member): void {
    const { state } = this;
    const player = state.players.get(member.id);
    if (player === undefined) return;
    state.players.delete(member.id);
    const rider = state.riders.get(player.number);
    if (rider !== undefined) rider.isOut = true;
    if (state.phase === "countdown" && state.players.size < 2) {
      room.cancelTimer(BEGIN);
      state.phase = "waiting";
    }
    this.endIfDecided(room);
    show(room, state);
  }

  message(_room: Ctx, from: Member, { to }: Input): void {
    const { phase, players, riders } = this.state;
    if (phase !== "riding") throw new Refusal("NOT_RIDING", "wait for the round to begin");
    const rider = riders.get(players.get(from.id)?.number ?? 0);
    if (rider === undefined || rider.isOut) throw new Refusal("OUT", "wait for the next round");
    if (!turn(rider, to)) throw new Refusal("NO_WAY_BACK", "turn left or right");
  }

  timer(room: Ctx, timer: number): void {
    if (timer === BEGIN) this.begin(room);
    else this.prepare(room);
    show(room, this.state);
  }

  tick(room: Ctx): void {
    const { state } = this;
    if (state.phase !== "riding") return;
    move(state.walls, state.riders);
    this.endIfDecided(room);
    show(room, state);
  }

  upgrade(schema: number, saved: unknown): State {
    if (schema !== 1) return super.upgrade(schema, saved);
    const { points, players, ...rest } = saved as StateV1;
    const withWins = [...players].map(([id, player]) => [id, { ...player, wins: points.get(id) ?? 0 }] as const);
    return { ...rest, players: new Map(withWins) };
  }

  /** Gives a newcomer the lowest number that is free. */
  private enter(room: Ctx, { id, name }: Member): void {
    const { state } = this;
    const taken = new Set([...state.players.values()].map((player) => player.number));
    const number = [1, 2, 3, 4].find((it) => !taken.has(it));
    if (number === undefined) throw new Refusal("ROOM_FULL", `${PLAYERS_MAX} ride already`);
    state.players.set(id, { name, number, wins: 0 });
    if (state.phase === "waiting") this.prepare(room);
    show(room, state);
  }

  /** Counts down to the next round, if there are two to ride it. */
  private prepare(room: Ctx): void {
    const { state } = this;
    state.phase = state.players.size < 2 ? "waiting" : "countdown";
    if (state.phase === "countdown") room.setTimer(BEGIN, COUNTDOWN_MS);
  }

  private begin(room: Ctx): void {
    const { state } = this;
    state.phase = "riding";
    state.round += 1;
    state.winner = null;
    state.walls = noWalls();
    state.riders = new Map();
    for (const { number } of state.players.values()) {
      const rider = placed(number - 1, room.random());
      state.riders.set(number, rider);
      state.walls[cellAt(rider.x, rider.y) as number] = number;
    }
  }

  private endIfDecided(room: Ctx): void {
    const { state } = this;
    const riding = [...state.riders].filter(([, rider]) => !rider.isOut);
    if (state.phase !== "riding" || riding.length > 1) return;
    const winner = [...state.players].find(([, player]) => player.number === riding[0]?.[0]);
    if (winner !== undefined) winner[1].wins += 1;
    state.winner = winner?.[0] ?? null;
    state.phase = "over";
    room.broadcast({ type: "round_over", round: state.round, winner: state.winner });
    room.setTimer(NEXT_ROUND, PAUSE_MS);
  }
}

/** Publishes what everybody sees. */
function show(room: Ctx, { phase, round, players, riders, walls, winner }: State): void {
  const list = [...players].map(([id, { name, number, wins }]) => {
    const rider = riders.get(number);
    return { id, name, number, wins, at: rider && [rider.x, rider.y], out: rider?.isOut ?? true };
  });
  room.state("arena", { phase, round, width: WIDTH, height: HEIGHT, walls, players: list, winner });
}

export default definePlugin(Duel, {
  name: "duel",
  input,
  tickHz: 8,
  playersMax: PLAYERS_MAX,
  spectatorsMax: 50,
  durability: "snapshot",
  stateSchema: 2,
});
