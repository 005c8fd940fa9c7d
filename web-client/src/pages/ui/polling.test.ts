import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Polling } from "./polling";

/** As much of a page as it takes. */
class Page {
  hidden = false;
  #listener = () => {};

  addEventListener(_name: string, listener: () => void): void {
    this.#listener = listener;
  }

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.#listener();
  }
}

describe("polling", () => {
  let page: Page;
  let asked: number;
  let polling: Polling;

  beforeEach(() => {
    vi.useFakeTimers();
    page = new Page();
    vi.stubGlobal("document", page);
    asked = 0;
    polling = new Polling(1_000, async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks at once, and again so long after each answer", async () => {
    expect(asked).toBe(0);
    polling.start();
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1_050);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toBe(2);
  });

  it("asks nothing while nobody looks, and at once when somebody does", async () => {
    polling.start();
    page.turn(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(1);
    page.turn(false);
    expect(asked).toBe(2);
  });

  it("asks no more once it is stopped", async () => {
    polling.start();
    polling.stop();
    page.turn(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([asked, polling.isOn]).toEqual([1, false]);
  });

  it("goes on once, however often somebody looks while an answer is under way", async () => {
    polling.start();
    await vi.advanceTimersByTimeAsync(50);
    page.turn(true);
    page.turn(false);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(asked).toBe(3);
  });
});
