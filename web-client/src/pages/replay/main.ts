/** The page at `/replay/`: plays a file that somebody chose, or a match that the game hands over. It needs no server. */

import "../ui/theme.css";
import "../game/game.css";
import "../game/chat.css";
import "../play/tree.css";
import "./replay.css";
import { h, setText } from "../ui/dom";
import { masthead } from "../ui/masthead";
import { readReplay, ReplayError } from "./format";
import { isFromGame, takeFromGame } from "./handover";
import { OpenerView } from "./opener-view";
import { fetchReplay, readFile } from "./read-file";
import { ReplayView } from "./replay-view";

const problem = h("p", { class: "notice", testid: "replay-problem", attrs: { role: "alert", hidden: true } });
const stage = h("div", { class: "stage" });
const opener = new OpenerView((file) => void show(readFile(file)));
let view: ReplayView | undefined;
/** Counts what was opened, so that a file that is read slowly does not replace one that was chosen after it. */
let latest = 0;

document.body.append(masthead([]), problem, stage);
stage.append(opener.element);
document.body.append(opener.input);
addEventListener("keydown", (event) => view?.onKey(event));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("is-dropping");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("is-dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("is-dropping");
  const file = event.dataTransfer?.files[0];
  if (file) void show(readFile(file));
  else tell("Drop a file here: this was none.");
});

const address = new URLSearchParams(location.search).get("url");
if (address !== null) void show(fetchReplay(address, location.href));
else if (isFromGame()) void show(takeFromGame());

/** Plays what a file says; where that fails, what was there before stays. */
async function show(reading: Promise<string>): Promise<void> {
  const turn = ++latest;
  try {
    const replay = readReplay(await reading);
    if (turn !== latest) return;
    tell("");
    view?.close();
    view = new ReplayView(replay, () => opener.choose());
    stage.replaceChildren(view.element);
    document.title = `Replay of ${replay.room} – Parlor`;
    // Who asked for less motion decides when it begins.
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) view.play();
  } catch (error) {
    if (turn !== latest) return;
    tell(error instanceof ReplayError ? error.message : "This file cannot be shown.");
    if (!(error instanceof ReplayError)) throw error;
  }
}

function tell(message: string): void {
  setText(problem, message);
  problem.hidden = message === "";
}
