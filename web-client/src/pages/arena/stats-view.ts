/**
 * What `?stats` shows: how long pictures take, and how well prediction does. Programs read `data-frames` and
 * `data-facts`.
 */

import { h, setText } from "../ui/dom";
import type { FrameReport } from "./frame-times";
import type { Facts } from "./game";

export class StatsView {
  readonly element = h("pre", { class: "arena-stats", testid: "arena-stats" });

  show(frames: FrameReport, facts: Facts | undefined): void {
    this.element.dataset["frames"] = JSON.stringify(frames);
    this.element.dataset["facts"] = JSON.stringify(facts ?? null);
    const { work_ms, interval_ms, count } = frames;
    const lines = [
      `${count} pictures, every ${interval_ms.mean.toFixed(1)} ms, 95 % within ${interval_ms.p95.toFixed(1)}`,
      `work ${work_ms.mean.toFixed(2)} ms, 95 % within ${work_ms.p95.toFixed(2)}, at most ${work_ms.max.toFixed(2)}`,
    ];
    if (facts) lines.push(`${facts.ahead.toFixed(1)} ticks ahead, ${facts.corrections} corrections`);
    setText(this.element, lines.join("\n"));
  }
}
