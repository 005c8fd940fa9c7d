/** What the plugin `chat` says, read into lines to show. */

import { isMap } from "../../lib";
import type { Value } from "../../lib";

export type ChatLine =
  | {
      readonly kind: "said";
      readonly from: number;
      readonly name: string;
      readonly text: string;
      readonly isPrivate: boolean;
    }
  | {
      readonly kind: "file";
      readonly from: number;
      readonly name: string;
      readonly file: string;
      readonly size: number;
    }
  | { readonly kind: "event"; readonly text: string };

export type ChatMessage =
  | { readonly type: "lines"; readonly lines: readonly ChatLine[]; readonly isHistory: boolean }
  | { readonly type: "typing"; readonly from: number; readonly isOn: boolean }
  | { readonly type: "unknown" };

/** Reads one message of the chat room. */
export function readChat(data: Value): ChatMessage {
  if (!isMap(data)) return { type: "unknown" };
  if (data["type"] === "typing" && typeof data["from"] === "number") {
    return { type: "typing", from: data["from"], isOn: data["on"] === true };
  }
  if (data["type"] === "history") {
    const { lines } = data;
    return {
      type: "lines",
      lines: Array.isArray(lines) ? lines.flatMap((line: Value) => readLine(line)) : [],
      isHistory: true,
    };
  }
  const lines = readLine(data);
  return lines.length > 0 ? { type: "lines", lines, isHistory: false } : { type: "unknown" };
}

function readLine(data: Value): ChatLine[] {
  if (!isMap(data)) return [];
  const { type, from, name, text, file, size } = data;
  if (typeof from !== "number" || typeof name !== "string") return [];
  switch (type) {
    case "said":
    case "told":
      return typeof text === "string" ? [{ kind: "said", from, name, text, isPrivate: type === "told" }] : [];
    case "file":
      return typeof file === "string"
        ? [{ kind: "file", from, name, file, size: typeof size === "number" ? size : 0 }]
        : [];
    case "joined":
      return [{ kind: "event", text: `${name} came in.` }];
    case "left":
      return [{ kind: "event", text: `${name} left.` }];
    default:
      return [];
  }
}
