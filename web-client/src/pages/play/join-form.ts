/** Which room to join: typed in, or picked from those that are open. */

import { isMap, ParlorError } from "../../lib";
import type { Create, JoinOptions, Parlor, Seat, Visibility } from "../../lib";
import { button, field, h, setText } from "../ui/dom";
import { JsonInput } from "./json-input";

const BUNDLED = ["echo", "broadcast", "chat", "grid", "arena"];
const LIST_EVERY_MS = 3_000;

export class JoinForm {
  readonly element: HTMLElement;
  readonly #plugin = h("input", {
    class: "input",
    testid: "play-plugin",
    attrs: { list: "plugins", autocomplete: "off", spellcheck: "false", placeholder: "echo" },
  });
  readonly #room = h("input", {
    class: "input",
    testid: "play-room",
    attrs: { maxlength: 64, autocomplete: "off", spellcheck: "false", placeholder: "any open room" },
  });
  readonly #code = h("input", {
    class: "input",
    testid: "play-code",
    attrs: { maxlength: 12, autocomplete: "off", spellcheck: "false" },
  });
  readonly #seat = choice("play-seat", ["", "player", "spectator"]);
  readonly #create = choice("play-create", ["", "if_missing", "always", "never"]);
  readonly #visibility = choice("play-visibility", ["", "public", "unlisted", "private"]);
  readonly #options = new JsonInput("Options, as JSON", "play-options", 2, "{}");
  readonly #problem = h("p", { class: "field-error", testid: "play-error", attrs: { role: "alert" } });
  readonly #open = h("ul", { class: "open-rooms", testid: "play-rooms", attrs: { "aria-label": "Open rooms" } });
  readonly #plugins = h("datalist", { attrs: { id: "plugins" } });
  readonly #parlor: Parlor;
  readonly #onJoin: (room: string | undefined, options: JoinOptions) => Promise<void>;

  constructor(parlor: Parlor, onJoin: (room: string | undefined, options: JoinOptions) => Promise<void>) {
    this.#parlor = parlor;
    this.#onJoin = onJoin;
    this.#offer(BUNDLED);
    const more = h("details", { class: "more" }, h("summary", { text: "More" }));
    more.append(
      h(
        "div",
        { class: "more-fields" },
        field("Seat", this.#seat),
        field("Create", this.#create),
        field("Visibility", this.#visibility),
        field("Code", this.#code),
        this.#options.element,
      ),
    );
    this.element = h(
      "form",
      { class: "join-form", attrs: { novalidate: true } },
      field("Plugin", this.#plugin),
      this.#plugins,
      field("Room", this.#room),
      more,
    );
    this.element.append(
      button("Join", { kind: "primary", testid: "play-join", attrs: { type: "submit" } }),
      this.#problem,
      h("h3", { text: "Open rooms" }),
      this.#open,
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    void this.#list();
  }

  /** Fills in what a link to this page asks for. */
  fill(plugin: string, room: string, code = ""): void {
    this.#plugin.value = plugin;
    this.#room.value = room;
    this.#code.value = code;
  }

  async join(): Promise<void> {
    await this.#submit();
  }

  async #submit(): Promise<void> {
    const options = this.#options.read();
    setText(this.#problem, "");
    if (!isMap(options)) return setText(this.#problem, "Options must be a JSON object.");
    const plugin = this.#plugin.value.trim();
    const code = this.#code.value.trim();
    const room = this.#room.value.trim();
    if (!plugin && !code && !room) return setText(this.#problem, "Name a plugin or a room.");
    try {
      await this.#onJoin(room || undefined, {
        ...(plugin && { plugin }),
        ...(code && { code }),
        ...(this.#seat.value && { seat: this.#seat.value as Seat }),
        ...(this.#create.value && { create: this.#create.value as Create }),
        ...(this.#visibility.value && { visibility: this.#visibility.value as Visibility }),
        ...(Object.keys(options).length > 0 && { options }),
      });
    } catch (error) {
      setText(this.#problem, error instanceof ParlorError ? `${error.code}: ${error.message}` : String(error));
    }
  }

  async #list(): Promise<void> {
    try {
      const rooms = await this.#parlor.listRooms();
      const items = rooms.map(({ room, plugin, players, spectators }) => {
        const pick = button(room, { kind: "quiet", onclick: () => this.#pick(plugin, room) });
        return h("li", {}, pick, h("span", { class: "hint", text: `${plugin}, ${players + spectators} in it` }));
      });
      const focused = document.activeElement instanceof HTMLElement && this.#open.contains(document.activeElement);
      if (!focused)
        this.#open.replaceChildren(...(items.length > 0 ? items : [h("li", { class: "hint", text: "None yet." })]));
      this.#offer([...new Set([...BUNDLED, ...rooms.map(({ plugin }) => plugin)])]);
    } catch {
      // The connection's own notice says what is wrong.
    }
    setTimeout(() => void this.#list(), LIST_EVERY_MS);
  }

  #pick(plugin: string, room: string): void {
    this.fill(plugin, room);
    void this.#submit();
  }

  #offer(plugins: readonly string[]): void {
    if (this.#plugins.children.length === plugins.length) return;
    this.#plugins.replaceChildren(...plugins.map((plugin) => h("option", { attrs: { value: plugin } })));
  }
}

function choice(testid: string, values: readonly string[]): HTMLSelectElement {
  const select = h("select", { class: "select", testid });
  for (const value of values) select.append(h("option", { text: value || "default", attrs: { value } }));
  return select;
}
