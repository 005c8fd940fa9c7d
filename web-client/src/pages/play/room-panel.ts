/** The room one is in: what it is, its state as a tree, its members. */

import type { Member, Room } from "../../lib";
import { button, h, setText } from "../ui/dom";
import { panelHead } from "./frame-log";
import { Tree } from "./tree";

export class RoomPanel {
  readonly element: HTMLElement;
  readonly #title = h("h2", { testid: "play-title", text: "No room yet" });
  readonly #about = h("p", { class: "hint room-about-line" });
  readonly #leave = button("Leave", { kind: "quiet", testid: "play-leave" });
  readonly #views = h("div", { class: "views", testid: "play-state" });
  readonly #members = h("ul", { class: "members", testid: "play-members" });
  readonly #count = h("span", { class: "hint" });
  readonly #trees = new Map<string, { readonly tree: Tree; readonly meta: HTMLElement }>();
  #room: Room | undefined;
  #offs: (() => void)[] = [];

  constructor() {
    this.#leave.addEventListener("click", () => void this.#room?.leave().catch(() => undefined));
    const head = h("div", { class: "panel-head" }, this.#title, this.#leave);
    const about = h("section", { class: "panel" }, head, this.#about);
    const state = h(
      "section",
      { class: "panel is-growing", attrs: { "aria-label": "State" } },
      panelHead("State"),
      this.#views,
    );
    const members = h(
      "section",
      { class: "panel", attrs: { "aria-label": "Members" } },
      panelHead("Members", this.#count),
      this.#members,
    );
    this.element = h("div", { class: "play-room" }, about, state, members);
    this.show(undefined);
  }

  show(room: Room | undefined): void {
    for (const off of this.#offs.splice(0)) off();
    this.#room = room;
    this.#trees.clear();
    this.#views.replaceChildren();
    this.#leave.hidden = room === undefined;
    setText(this.#title, room?.name ?? "No room yet");
    this.#showAbout();
    this.#showMembers();
    if (!room) {
      this.#views.append(h("p", { class: "hint", text: "What the plugin publishes shows here." }));
      return;
    }
    this.#offs = [
      room.on("state", ({ view }) => this.#showView(view)),
      room.on("member", () => this.#showMembers()),
      room.on("reset", () => this.show(room)),
    ];
    if (room.views.size === 0) this.#views.append(h("p", { class: "hint", text: "This room has published nothing." }));
    for (const view of room.views.keys()) this.#showView(view);
  }

  #showAbout(): void {
    const room = this.#room;
    if (!room) return setText(this.#about, "Join one to see what its plugin does.");
    const { version, digest, durability } = room.about;
    const code = room.code === undefined ? "" : `, code ${room.code}`;
    // A room may go over to another version meanwhile, of which its members are not told.
    const joined = `${room.plugin}@${version} ${digest.slice(0, 12)} when you joined`;
    setText(this.#about, `${joined}, durability ${durability}${code}`);
  }

  #showView(view: string): void {
    const current = this.#room?.views.get(view);
    if (!current) return;
    let shown = this.#trees.get(view);
    if (!shown) {
      if (this.#trees.size === 0) this.#views.replaceChildren();
      shown = { tree: new Tree(), meta: h("span", { class: "hint" }) };
      this.#trees.set(view, shown);
      this.#views.append(
        h(
          "div",
          { class: "view" },
          h("div", { class: "view-head" }, h("code", { text: view }), shown.meta),
          shown.tree.element,
        ),
      );
    }
    setText(shown.meta, `tick ${current.tick}, version ${current.version}`);
    shown.tree.show(current.value);
  }

  #showMembers(): void {
    const room = this.#room;
    const members = room ? [...room.members.values()] : [];
    setText(this.#count, room ? String(room.memberCount) : "");
    this.#members.replaceChildren(...members.map((member) => memberOf(member, member.id === room?.you.id)));
  }
}

function memberOf(member: Member, isYou: boolean): HTMLElement {
  const id = h("span", { class: "member-id", text: String(member.id) });
  const name = h("span", { class: "member-name", text: isYou ? `${member.name} (you)` : member.name });
  const about = [member.seat, ...(member.away ? ["away"] : [])].join(", ");
  const row = h("li", { class: member.away ? "member is-away" : "member" }, id, name);
  row.append(h("span", { class: "hint", text: about }));
  if (member.away) row.title = "The connection is lost; the seat is kept for a while.";
  return row;
}
