/** The corner of each page that shows the connection: its state, the round trip, and the subprotocol to choose. */

import { isSubprotocol, SUBPROTOCOLS } from "../../lib";
import type { Parlor, Status, Subprotocol } from "../../lib";
import { button, h, setText } from "./dom";
import { loadSubprotocol, saveSubprotocol } from "./preferences";

const NAMES: Readonly<Record<Subprotocol, string>> = {
  "v1.json": "JSON",
  "v1.binary": "MessagePack",
  "v2.proto": "Protobuf",
};

/** Builds it for a client. */
export function connectionBar(parlor: Parlor): HTMLElement {
  const state = h("span", { class: "connection-state", testid: "status", attrs: { role: "status" } });
  const rtt = h("span", {
    class: "connection-rtt",
    testid: "rtt",
    attrs: { title: "Round-trip time", "aria-hidden": "true" },
  });
  const again = button("Reconnect", { kind: "quiet", onclick: () => parlor.reconnect() });
  const show = (status: Status) => {
    setText(state, shortly(status));
    state.dataset["status"] = status.status;
    state.title = status.status === "away" || status.status === "closed" ? status.message : "";
    again.hidden = status.status !== "closed" && status.status !== "away";
    if (status.status !== "open") setText(rtt, "");
  };
  parlor.on("status", show);
  parlor.on("clock", ({ rtt_ms }) =>
    setText(rtt, rtt_ms < 10 ? `${rtt_ms.toFixed(1)} ms` : `${Math.round(rtt_ms)} ms`),
  );
  show(parlor.status);
  return h("div", { class: "connection" }, state, rtt, again, subprotocolSwitch(parlor));
}

/** Why there is no connection, in full. It stays while the client tries again, and goes once that worked. */
export function connectionNotice(parlor: Parlor): HTMLElement {
  const notice = h("p", { class: "notice", testid: "connection-notice", attrs: { role: "alert", hidden: true } });
  parlor.on("status", (status) => {
    if (status.status === "away" || status.status === "closed") {
      setText(notice, status.message);
      notice.hidden = false;
    } else if (status.status === "open") {
      notice.hidden = true;
    }
  });
  return notice;
}

function subprotocolSwitch(parlor: Parlor): HTMLElement {
  const select = h("select", { class: "select-quiet", testid: "subprotocol", attrs: { "aria-label": "Subprotocol" } });
  for (const name of [...SUBPROTOCOLS].sort())
    select.append(h("option", { text: NAMES[name], attrs: { value: name } }));
  select.value = loadSubprotocol();
  select.addEventListener("change", () => {
    if (!isSubprotocol(select.value)) return;
    saveSubprotocol(select.value);
    parlor.reconnect({ subprotocol: select.value });
  });
  return select;
}

function shortly(status: Status): string {
  switch (status.status) {
    case "connecting":
      return status.attempt === 0 ? "Connecting" : "Reconnecting";
    case "open":
      return "Connected";
    case "away":
      return "Offline, trying again";
    case "closed":
      return "Disconnected";
  }
}
