import { describe, expect, it } from "vitest";
import { sentence } from "./toasts";

describe("what a program says", () => {
  it("is a sentence for a person", () => {
    expect(sentence("at most 100 messages a second are handled; slow down")).toBe(
      "At most 100 messages a second are handled; slow down.",
    );
    expect(sentence("The room is gone.")).toBe("The room is gone.");
    expect(sentence(" ")).toBe("");
  });
});
