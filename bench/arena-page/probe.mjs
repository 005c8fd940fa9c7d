/** What is run inside of pages: it writes down what happens, and `figures.mjs` makes sense of it. */

/** Begins to watch a page, before anything of its own runs. It must not need anything from outside of itself. */
export function probe() {
  let kept;
  const begin = () => {
    kept = { frames: [], pictures: [], turns: [], tasks: [] };
  };
  begin();
  const loop = (at_ms) => {
    requestAnimationFrame(loop);
    kept.frames.push([at_ms, performance.now()]);
  };
  requestAnimationFrame(loop);

  // The page says with each of its pictures when it was for, and where it drew whom.
  const pictures = new PerformanceObserver((list) => {
    for (const { name, duration, detail } of list.getEntries()) {
      if (name !== "arena:frame") continue;
      const { at_ms, me, others } = detail ?? {};
      const drawn = me && { at_ms, me: [me.x, me.y], others: [...others].map(([id, { x, y }]) => [id, x, y]) };
      kept.pictures.push({ work_ms: duration, ...drawn });
    }
  });
  pictures.observe({ type: "measure" });
  const tasks = new PerformanceObserver((list) => kept.tasks.push(...list.getEntries().map((task) => task.duration)));
  tasks.observe({ type: "longtask" });

  const held = new Set();
  const onKey = ({ type, code, repeat, timeStamp }) => {
    if (repeat) return;
    if (type === "keydown") held.add(code);
    else held.delete(code);
    kept.turns.push({ at_ms: timeStamp, keys: [...held] });
  };
  addEventListener("keydown", onKey, { capture: true });
  addEventListener("keyup", onKey, { capture: true });

  globalThis.benchProbe = {
    begin,
    take: () => {
      const taken = kept;
      begin();
      return taken;
    },
  };
}

/** Makes the page an animation that does next to nothing: what is left is what the machine takes for any page. */
export function control() {
  document.body.style.margin = "0";
  const canvas = document.body.appendChild(document.createElement("canvas"));
  canvas.width = innerWidth;
  canvas.height = innerHeight;
  canvas.style.display = "block";
  const context = canvas.getContext("2d", { alpha: false });
  const draw = (at_ms) => {
    requestAnimationFrame(draw);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = "#000";
    context.fillRect((at_ms / 5) % canvas.width, canvas.height / 2, 16, 16);
  };
  requestAnimationFrame(draw);
}
