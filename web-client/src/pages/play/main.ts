/** The page at `/play/`: a room of any plugin, with everything it says. */

import "../ui/theme.css";
import "./play.css";
import "./tree.css";
import { connect } from "../../lib";
import type { JoinOptions, Room } from "../../lib";
import { connectionBar, ConnectionNotice } from "../ui/connection";
import { button, h, setText } from "../ui/dom";
import { masthead } from "../ui/masthead";
import { loadName, loadSubprotocol, loadToken } from "../ui/preferences";
import { Toasts } from "../ui/toasts";
import { FrameLog } from "./frame-log";
import { JoinForm } from "./join-form";
import { RoomPanel } from "./room-panel";
import { SendForm } from "./send-form";

const token = loadToken();
const parlor = connect("/ws", {
  name: loadName(),
  subprotocol: loadSubprotocol(),
  ...(token === undefined ? {} : { token }),
});
const log = new FrameLog();
const panel = new RoomPanel();
const send = new SendForm();
const join = new JoinForm(parlor, enter);
const notice = h("p", { class: "notice", testid: "play-notice", attrs: { role: "status", hidden: true } });
let room: Room | undefined;

parlor.on("frame", (event) => log.add(event));
const toasts = new Toasts();
parlor.on("notice", ({ code, message }) => toasts.show(`${code}: ${message}`));

const drop = button("Drop the connection", { testid: "play-drop", onclick: () => parlor.drop() });
const reload = button("Reload", { testid: "play-reload", onclick: () => location.reload() });
const left = h(
  "div",
  { class: "play-left" },
  h("section", { class: "panel", attrs: { "aria-label": "Join" } }, join.element),
);
const middle = h(
  "div",
  { class: "play-middle" },
  h("section", { class: "panel", attrs: { "aria-label": "Send" } }, send.element),
  log.element,
);
const faults = h("div", { class: "faults" }, drop, reload);
toasts.element.append(new ConnectionNotice(parlor, () => room !== undefined).element);
document.body.append(masthead([faults, connectionBar(parlor)]), notice, toasts.element);
document.body.append(
  h(
    "main",
    { class: "play" },
    h("h1", { class: "visually-hidden", text: "Talk to any plugin" }),
    left,
    middle,
    panel.element,
  ),
);

const query = new URLSearchParams(location.search);
join.fill(query.get("plugin") ?? "echo", query.get("room") ?? "", query.get("code") ?? "");
if (query.has("room") || query.has("code")) void join.join();

/** Joins a room in place of the one before; the address says which, so that a reload comes back. */
async function enter(name: string | undefined, options: JoinOptions): Promise<void> {
  const before = room;
  if (before && !before.isClosed && before.name === name) return;
  const joined = await parlor.join(name, options);
  if (before && before !== joined && !before.isClosed) await before.leave().catch(() => undefined);
  room = joined;
  notice.hidden = true;
  joined.on("closed", ({ code, message }) => onClosed(joined, code, message));
  joined.on("reset", ({ reason }) => tell(`The room was reset: ${reason}`));
  panel.show(joined);
  send.show(joined);
  const which: Record<string, string> = joined.code === undefined ? { room: joined.name } : { code: joined.code };
  history.replaceState(null, "", `?${new URLSearchParams({ plugin: joined.plugin, ...which })}`);
}

function onClosed(closed: Room, code: string, message: string): void {
  if (closed !== room) return;
  room = undefined;
  panel.show(undefined);
  send.show(undefined);
  history.replaceState(null, "", location.pathname);
  tell(code === "LEFT" ? "" : `${code}: ${message}`);
}

function tell(message: string): void {
  setText(notice, message);
  notice.hidden = message === "";
}
