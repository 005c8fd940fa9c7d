// The room: the world in `world.js`, of which each client is shown what is near.

import { Room } from "@colyseus/core";
import { StateView } from "@colyseus/schema";

import { Sight } from "./near.js";
import { NEAR, OWN, shape } from "./state.js";
import { FULL, MEMBERS_MAX, steer, TICK_HZ, toUnits, World } from "./world.js";

const COLOURS = 16;
/** Points are published this many ticks apart; everybody's own at once. */
const POINTS_TICKS = TICK_HZ / 2;

const isAxis = (value) => Number.isInteger(value) && Math.abs(value) <= FULL;

export class ArenaRoom extends Room {
  maxClients = MEMBERS_MAX;
  world = new World(Math.random);
  #shape;
  #tick = 0;
  #lastId = 0;
  /** By id: the client, what it is shown, and its player. */
  #seats = new Map();

  messages = {
    // What is returned is the reply to the client.
    steer: (client, message) => {
      if (!isAxis(message?.x) || !isAxis(message?.y)) throw new TypeError("a direction is two numbers up to 127");
      this.world.discs.get(client.userData).steer = steer(message.x, message.y);
      return this.#tick;
    },
  };

  onCreate(options) {
    this.#shape = shape(options.shape);
    const { Arena, Orb } = this.#shape;
    this.state = new Arena();
    for (const index of this.world.orbs.keys()) this.state.orbs.set(`${index}`, new Orb());
    this.#showOrbs();
    // Makes up for what its timer is late: 20 ticks a second, and not a few less.
    this.setFixedTimestep(() => this.#walk(), TICK_HZ);
    // Patches leave at the end of each tick: a timer of their own would beat against that of the ticks. Only from here on,
    // for without ticks a room that sends no patches has its clock, from which the ticks are counted, read by another timer.
    this.patchRate = null;
  }

  onJoin(client, { name }) {
    const id = (this.#lastId += 1);
    client.userData = id;
    this.world.enter(id);
    const player = new this.#shape.Player().assign({ name, colour: id % COLOURS, points: 0 });
    this.state.players.set(`${id}`, player);
    client.view = new StateView();
    client.view.add(player, OWN);
    this.#seats.set(id, { client, player, discs: new Sight(), orbs: new Sight(), points: 0 });
    this.#show();
  }

  onLeave(client) {
    const id = client.userData;
    client.view.dispose();
    this.#seats.delete(id);
    this.world.discs.delete(id);
    this.state.players.delete(`${id}`);
    for (const seat of this.#seats.values()) seat.discs.forget(id);
  }

  #walk() {
    this.#tick += 1;
    this.world.walk();
    for (const id of this.world.gather()) this.#seats.get(id).points += 1;
    this.#show();
    this.broadcastPatch();
  }

  #show() {
    const { discs, orbs } = this.world;
    const arePointsDue = this.#tick % POINTS_TICKS === 0;
    for (const [id, { player, points }] of this.#seats) {
      const disc = discs.get(id);
      this.#shape.put(player, disc.place.map(toUnits));
      [player.dx, player.dy, player.own] = [disc.steer.x, disc.steer.y, points];
      if (arePointsDue) player.points = points;
    }
    this.#showOrbs();
    const places = [...discs].map(([id, disc]) => [id, disc.place]);
    const lying = [...orbs.entries()];
    for (const [id, seat] of this.#seats) {
      const { view } = seat.client;
      const from = discs.get(id).place;
      const player = (key) => this.#seats.get(key).player;
      const orb = (key) => this.state.orbs.get(`${key}`);
      seat.discs.look(from, places, (key) => view.add(player(key), NEAR), (key) => view.remove(player(key), NEAR));
      seat.orbs.look(from, lying, (key) => view.add(orb(key)), (key) => view.remove(orb(key)));
    }
  }

  #showOrbs() {
    this.world.orbs.forEach((place, index) => {
      const orb = this.state.orbs.get(`${index}`);
      [orb.x, orb.y] = place.map(toUnits);
    });
  }
}
