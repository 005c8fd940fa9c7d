/** The page at `/`: one connection, and either the lobby or a game, as the address says. */

import "../ui/theme.css";
import "./lobby.css";
import "../game/game.css";
import "../game/phase.css";
import "../game/chat.css";
import { connect, ParlorError } from "../../lib";
import type { JoinOptions, Value } from "../../lib";
import { GameView } from "../game/game";
import type { GridInput, GridRoom } from "../game/game";
import { connectionBar, ConnectionNotice } from "../ui/connection";
import { h } from "../ui/dom";
import { masthead } from "../ui/masthead";
import { loadName, loadSubprotocol, loadToken } from "../ui/preferences";
import { sentence, Toasts } from "../ui/toasts";
import { LobbyView } from "./lobby";
import { readRoute, writeRoute } from "./route";
import type { Route } from "./route";

const PLUGIN = "grid";

const token = loadToken();
const parlor = connect("/ws", {
  name: loadName(),
  subprotocol: loadSubprotocol(),
  ...(token === undefined ? {} : { token }),
});
const toasts = new Toasts();
const stage = h("div", { class: "stage" });
const lobby = new LobbyView(parlor, {
  quickMatch: () => void enter(undefined, {}),
  createPrivate: () => void enter(undefined, { visibility: "private", create: "always" }),
  joinCode: (code) => void visit({ page: "code", code, isWatching: false }),
  join: (room) => void visit({ page: "room", room, isWatching: false }),
  watch: (room) => void visit({ page: "room", room, isWatching: true }),
});
let game: { readonly view: GameView; readonly room: GridRoom; readonly off: () => void } | undefined;

toasts.follow(parlor);
toasts.element.append(new ConnectionNotice(parlor, () => game !== undefined).element);
document.body.append(
  masthead([connectionBar(parlor)], () => void showLobby()),
  stage,
  toasts.element,
);
addEventListener("popstate", () => void follow());
void follow();

/** Shows what the address names. */
async function follow(): Promise<void> {
  const route = readRoute(location.search);
  if (route.page === "lobby") await showLobby();
  else await visit(route);
}

async function visit(route: Exclude<Route, { page: "lobby" }>): Promise<void> {
  const seat: JoinOptions = route.isWatching ? { seat: "spectator" } : {};
  if (route.page === "code") await enter(undefined, { ...seat, code: route.code }, route.isWatching);
  else await enter(route.room, seat, route.isWatching);
}

/** Joins a room and shows it; the lobby says so where that fails. */
async function enter(name: string | undefined, options: JoinOptions, isWatching = false): Promise<void> {
  await leaveGame();
  if (!lobby.element.isConnected) showJoining();
  lobby.busy(true);
  lobby.problem("");
  try {
    const plugin = options.code === undefined ? { plugin: PLUGIN } : {};
    const room = await parlor.join<Value, GridInput>(name, { ...plugin, ...options });
    showGame(room, isWatching);
  } catch (error) {
    await showLobby();
    lobby.problem(error instanceof ParlorError ? explain(error) : String(error));
  } finally {
    lobby.busy(false);
  }
}

function showGame(room: GridRoom, isWatching: boolean): void {
  lobby.stop();
  const route: Route =
    room.code === undefined
      ? { page: "room", room: room.name, isWatching }
      : { page: "code", code: room.code, isWatching };
  go(route);
  const link = new URL(writeRoute({ ...route, isWatching: false }), location.origin).href;
  const view = new GameView(parlor, room, link, () => void showLobby());
  const off = room.on("closed", ({ code, message }) => {
    if (code !== "LEFT") void onClosed(code === "WRONG_CODE" ? "The room is gone, and its code with it." : message);
  });
  game = { view, room, off };
  stage.replaceChildren(view.element);
  document.title = `${room.code ? "Private room" : room.name} – Parlor`;
}

async function onClosed(message: string): Promise<void> {
  await showLobby();
  lobby.problem(sentence(message));
}

async function showLobby(): Promise<void> {
  go({ page: "lobby" });
  document.title = "Parlor";
  stage.replaceChildren(lobby.element);
  lobby.start();
  await leaveGame();
}

function showJoining(): void {
  stage.replaceChildren(h("p", { class: "joining", text: "Taking you to the room.", attrs: { role: "status" } }));
}

async function leaveGame(): Promise<void> {
  const left = game;
  game = undefined;
  if (!left) return;
  left.off();
  left.view.close();
  if (!left.room.isClosed) await left.room.leave().catch(() => undefined);
}

function go(route: Route): void {
  const path = `/${writeRoute(route)}`;
  if (path !== location.pathname + location.search) history.pushState(null, "", path);
}

function explain(error: ParlorError): string {
  switch (error.code) {
    case "WRONG_CODE":
      return "No room has this code. Codes have eight characters.";
    case "ROOM_FULL":
      return "That room is full. You can watch it, or find another one by quick match.";
    default:
      return sentence(error.message);
  }
}
