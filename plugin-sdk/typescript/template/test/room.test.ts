import assert from "node:assert/strict";
import { test } from "node:test";
import { TestRoom } from "parlor-plugin/testing";
import plugin from "../src/index.ts";

test("everybody's clicks are counted", () => {
  const room = TestRoom.open(plugin);
  const ann = room.join("ann");
  const bob = room.join("bob");
  room.assertSent(ann, { type: "hello", name: "ann" });
  room.push(ann, { type: "click" });
  room.push(bob, { type: "click", times: 3 });
  assert.deepEqual(room.view("clicks"), { [ann]: 1, [bob]: 3 });
  room.leave(ann);
  assert.deepEqual(room.view("clicks"), { [bob]: 3 });
});

test("what does not fit is refused", () => {
  const room = TestRoom.open(plugin);
  const ann = room.join("ann");
  const answer = room.push(ann, { type: "click", times: 11 });
  assert.equal(answer.is === "refused" && answer.code, "INVALID_PAYLOAD");
});
