/** The open rooms of a plugin, asked for again every few seconds while somebody looks. */

import type { Parlor, RoomListing } from "../../lib";
import { button, h, setText } from "../ui/dom";
import { Polling } from "../ui/polling";

const EVERY_MS = 2_500;
const STATUS_NAMES: Readonly<Record<string, string>> = { waiting: "Waiting", active: "Playing", completed: "Finished" };

export interface RoomListActions {
  join(room: string): void;
  watch(room: string): void;
}

interface Row {
  readonly element: HTMLElement;
  readonly status: HTMLElement;
  readonly count: HTMLElement;
  readonly join: HTMLButtonElement;
}

export class RoomList {
  readonly element: HTMLElement;
  readonly #parlor: Parlor;
  readonly #plugin: string;
  readonly #actions: RoomListActions;
  readonly #rows = new Map<string, Row>();
  readonly #list = h("ul", { class: "rooms", testid: "room-list", attrs: { "aria-label": "Open rooms" } });
  readonly #empty = h("p", { class: "rooms-empty", text: "Looking for rooms." });
  readonly #polling = new Polling(EVERY_MS, () => this.#refresh());

  constructor(parlor: Parlor, plugin: string, actions: RoomListActions) {
    this.#parlor = parlor;
    this.#plugin = plugin;
    this.#actions = actions;
    this.element = h("div", { class: "rooms-box" }, this.#list, this.#empty);
  }

  start(): void {
    this.#polling.start();
  }

  stop(): void {
    this.#polling.stop();
  }

  async #refresh(): Promise<void> {
    try {
      const rooms = await this.#parlor.listRooms({ plugin: this.#plugin });
      if (this.#polling.isOn) this.#show(rooms);
    } catch (error) {
      setText(this.#empty, `The rooms could not be listed: ${error instanceof Error ? error.message : String(error)}`);
      this.#empty.hidden = false;
    }
  }

  #show(rooms: readonly RoomListing[]): void {
    const names = new Set(rooms.map(({ room }) => room));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
    for (const room of rooms) this.#showRoom(room);
    this.#empty.hidden = rooms.length > 0;
    setText(this.#empty, "No open rooms. Quick match makes the first one.");
  }

  #showRoom(room: RoomListing): void {
    let row = this.#rows.get(room.room);
    if (!row) {
      row = this.#makeRow(room.room);
      this.#rows.set(room.room, row);
      this.#list.append(row.element);
    }
    const { metadata, players, players_max, spectators } = room;
    const status = typeof metadata["status"] === "string" ? metadata["status"] : "";
    // Bots sit at the table without being members, so the plugin knows better how many play.
    const seated = typeof metadata["players"] === "number" ? metadata["players"] : players;
    row.element.dataset["state"] = status;
    setText(row.status, STATUS_NAMES[status] ?? status);
    const seats = players_max > 0 ? `${seated} of ${players_max} seats` : `${seated} seated`;
    setText(row.count, spectators > 0 ? `${seats}, ${spectators} watching` : seats);
    row.join.disabled = room.isLocked || (players_max > 0 && players >= players_max);
  }

  #makeRow(name: string): Row {
    const status = h("span", { class: "room-status" });
    const count = h("span", { class: "room-count" });
    const join = button("Join", { onclick: () => this.#actions.join(name), attrs: { "aria-label": `Join ${name}` } });
    const watch = button("Watch", {
      kind: "quiet",
      onclick: () => this.#actions.watch(name),
      attrs: { "aria-label": `Watch ${name}` },
    });
    const about = h("div", { class: "room-about" }, h("span", { class: "room-name", text: name }), status, count);
    const element = h("li", { class: "room" }, about, h("div", { class: "room-actions" }, watch, join));
    element.dataset["room"] = name;
    return { element, status, count, join };
  }
}
