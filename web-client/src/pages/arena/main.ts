/** The page at `/arena/`: one connection, one world, as the address says or any that is open. */

import "../ui/theme.css";
import "./arena.css";
import { connect, ParlorError } from "../../lib";
import type { Value } from "../../lib";
import { connectionBar, ConnectionNotice } from "../ui/connection";
import { button, h } from "../ui/dom";
import { masthead } from "../ui/masthead";
import { loadName, loadSubprotocol, loadToken } from "../ui/preferences";
import { sentence, Toasts } from "../ui/toasts";
import { ArenaView } from "./arena-view";
import type { ArenaRoom } from "./arena-view";
import type { SteerInput } from "./game";

const PLUGIN = "arena";

const token = loadToken();
const parlor = connect("/ws", {
  name: loadName(),
  subprotocol: loadSubprotocol(),
  ...(token === undefined ? {} : { token }),
});
const query = new URLSearchParams(location.search);
const stage = h("div", { class: "stage" });
const toasts = new Toasts();
let shown: { readonly view: ArenaView; readonly room: ArenaRoom } | undefined;

toasts.follow(parlor);
toasts.element.append(new ConnectionNotice(parlor, () => shown !== undefined).element);
document.body.append(masthead([connectionBar(parlor)]), stage, toasts.element);
void enter(query.get("room") ?? undefined);

/** Goes into a room of that name, or into any that is open. */
async function enter(name: string | undefined): Promise<void> {
  say("Taking you to the arena.");
  try {
    show(await parlor.join<Value, SteerInput>(name, { plugin: PLUGIN }));
  } catch (error) {
    fail(error instanceof ParlorError ? explain(error) : String(error));
  }
}

function show(room: ArenaRoom): void {
  const path = `/arena/?${new URLSearchParams({ room: room.name })}`;
  history.replaceState(null, "", query.has("stats") ? `${path}&stats` : path);
  const link = new URL(path, location.origin).href;
  const view = new ArenaView(parlor, room, link, () => void leave(), query.has("stats"));
  shown = { view, room };
  room.on("closed", ({ code, message }) => {
    view.close();
    shown = undefined;
    if (code !== "LEFT") fail(sentence(message));
  });
  stage.replaceChildren(view.element);
  document.title = `${room.name} – Parlor`;
}

async function leave(): Promise<void> {
  await shown?.room.leave().catch(() => undefined);
  location.assign("/");
}

function say(text: string): void {
  stage.replaceChildren(h("p", { class: "arena-words", text, attrs: { role: "status" } }));
}

function fail(message: string): void {
  const onclick = () => void enter(undefined);
  const again = button("Find another one", { kind: "primary", testid: "arena-again", onclick });
  const words = { class: "arena-words", testid: "arena-problem", attrs: { role: "alert" } };
  stage.replaceChildren(h("div", words, h("p", { text: message }), again));
}

function explain(error: ParlorError): string {
  if (error.code === "ROOM_FULL") return "This arena is full.";
  return sentence(error.message);
}
