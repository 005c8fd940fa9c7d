/** Draws a scene. It knows the canvas and the palette, and nothing of rooms and hands. */

import { cameraOn, isVisible, toScreen } from "./camera";
import type { Camera } from "./camera";
import { THUMB_FULL_PX } from "./directions";
import type { Scene } from "./game";
import { ORB_RADIUS_UNITS, RADIUS_UNITS, WORLD_UNITS } from "./motion";
import type { Vector } from "./motion";
import { lookOf } from "./palette";
import type { Palette } from "./palette";
import type { Player } from "./players";
import type { Spark } from "./sparks";

/** Lines on the floor, this far apart in units, show how one moves. */
const LINES_UNITS = 100;
const FULL_TURN = 2 * Math.PI;
/** The box in which the theme draws a mark. */
const MARK_BOX = 24;
const MAP_PX = 88;
const MAP_MARGIN_PX = 14;

/** All that is in a picture. */
export interface Picture {
  readonly scene: Scene;
  readonly you: number;
  readonly players: ReadonlyMap<number, Player>;
  readonly thumb: { readonly start: Vector; readonly at: Vector } | undefined;
  readonly sparks: readonly Spark[];
}

export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #palette: Palette;
  #width = 0;
  #height = 0;

  constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, palette: Palette) {
    this.#canvas = canvas;
    this.#context = context;
    this.#palette = palette;
  }

  repaint(palette: Palette): void {
    this.#palette = palette;
  }

  /** The canvas has this size on the page; its own is that of the screen's pixels. */
  resize(width: number, height: number, pixels: number): void {
    this.#width = width;
    this.#height = height;
    this.#canvas.width = Math.round(width * pixels);
    this.#canvas.height = Math.round(height * pixels);
    this.#context.setTransform(pixels, 0, 0, pixels, 0, 0);
  }

  /** Where oneself is drawn. */
  get centre(): Vector {
    return { x: this.#width / 2, y: this.#height / 2 };
  }

  draw({ scene, you, players, thumb, sparks }: Picture): void {
    const camera = cameraOn(scene.me, this.#width, this.#height);
    this.#floor(camera);
    for (const orb of scene.orbs.values()) this.#orb(camera, orb);
    for (const spark of sparks) this.#spark(camera, spark);
    for (const [id, place] of scene.others) this.#disc(camera, place, players.get(id), false);
    this.#disc(camera, scene.me, players.get(you), true);
    for (const [id, place] of scene.others) this.#name(camera, place, players.get(id)?.name ?? "");
    this.#map(scene);
    if (thumb) this.#thumb(thumb);
  }

  #floor(camera: Camera): void {
    const context = this.#context;
    context.fillStyle = this.#palette.sunk;
    context.fillRect(0, 0, this.#width, this.#height);
    const [first, last] = [toScreen(camera, { x: 0, y: 0 }), toScreen(camera, { x: WORLD_UNITS, y: WORLD_UNITS })];
    context.fillStyle = this.#palette.sheet;
    context.fillRect(first.x, first.y, last.x - first.x, last.y - first.y);
    context.beginPath();
    for (let along = LINES_UNITS; along < WORLD_UNITS; along += LINES_UNITS) {
      const { x, y } = toScreen(camera, { x: along, y: along });
      context.moveTo(x, Math.max(first.y, 0));
      context.lineTo(x, Math.min(last.y, this.#height));
      context.moveTo(Math.max(first.x, 0), y);
      context.lineTo(Math.min(last.x, this.#width), y);
    }
    context.strokeStyle = this.#palette.rule;
    context.lineWidth = 1;
    context.globalAlpha = 0.7;
    context.stroke();
    context.globalAlpha = 1;
    context.strokeStyle = this.#palette.ink;
    context.lineWidth = 3;
    context.strokeRect(first.x, first.y, last.x - first.x, last.y - first.y);
  }

  #orb(camera: Camera, place: Vector): void {
    if (!isVisible(camera, place, ORB_RADIUS_UNITS)) return;
    const { x, y } = toScreen(camera, place);
    const radius = ORB_RADIUS_UNITS * camera.scale;
    this.#circle(x, y, radius, this.#palette.orb);
    this.#circle(x, y, radius * 0.5, this.#palette.sheet);
  }

  #spark(camera: Camera, { place, part }: Spark): void {
    const { x, y } = toScreen(camera, place);
    const context = this.#context;
    context.beginPath();
    context.arc(x, y, (ORB_RADIUS_UNITS + part * 26) * camera.scale, 0, FULL_TURN);
    context.strokeStyle = this.#palette.orb;
    context.lineWidth = 3 * (1 - part);
    context.stroke();
  }

  #disc(camera: Camera, place: Vector, player: Player | undefined, isYou: boolean): void {
    if (!isVisible(camera, place, RADIUS_UNITS)) return;
    const { x, y } = toScreen(camera, place);
    const radius = RADIUS_UNITS * camera.scale;
    const { color, isRing, shape } = lookOf(this.#palette, player?.colour ?? 0);
    const context = this.#context;
    if (isYou) this.#circle(x, y, radius + 4, this.#palette.ink);
    if (isYou) this.#circle(x, y, radius + 2, this.#palette.sheet);
    this.#circle(x, y, radius, color);
    if (isRing) this.#circle(x, y, radius * 0.78, this.#palette.sheet);
    const size = (radius * 1.05) / MARK_BOX;
    context.save();
    context.translate(x - (size * MARK_BOX) / 2, y - (size * MARK_BOX) / 2);
    context.scale(size, size);
    context.fillStyle = isRing ? color : this.#palette.onMark;
    context.fill(shape, "evenodd");
    context.restore();
  }

  #name(camera: Camera, place: Vector, name: string): void {
    if (name === "" || !isVisible(camera, place, 2 * RADIUS_UNITS)) return;
    const { x, y } = toScreen(camera, place);
    const context = this.#context;
    context.font = `600 ${Math.round(Math.min(14, Math.max(11, 8 * camera.scale)))}px ${this.#palette.sans}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.#palette.sheet;
    const below = y + RADIUS_UNITS * camera.scale + 4;
    context.strokeText(name, x, below);
    context.fillStyle = this.#palette.soft;
    context.fillText(name, x, below);
  }

  /** The world in small, in the corner: where one is in it, and who is around. */
  #map({ me, others }: Scene): void {
    const context = this.#context;
    const [left, top] = [this.#width - MAP_PX - MAP_MARGIN_PX, this.#height - MAP_PX - MAP_MARGIN_PX];
    context.fillStyle = this.#palette.paper;
    context.globalAlpha = 0.9;
    context.fillRect(left, top, MAP_PX, MAP_PX);
    context.globalAlpha = 1;
    context.strokeStyle = this.#palette.soft;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, MAP_PX - 1, MAP_PX - 1);
    const scale = MAP_PX / WORLD_UNITS;
    for (const { x, y } of others.values()) this.#circle(left + x * scale, top + y * scale, 1.5, this.#palette.soft);
    this.#circle(left + me.x * scale, top + me.y * scale, 3.5, this.#palette.ink);
  }

  #thumb({ start, at }: { readonly start: Vector; readonly at: Vector }): void {
    const context = this.#context;
    context.globalAlpha = 0.35;
    context.beginPath();
    context.arc(start.x, start.y, THUMB_FULL_PX, 0, FULL_TURN);
    context.strokeStyle = this.#palette.ink;
    context.lineWidth = 2;
    context.stroke();
    const [x, y] = [at.x - start.x, at.y - start.y];
    const share = Math.min(1, THUMB_FULL_PX / Math.max(1, Math.hypot(x, y)));
    this.#circle(start.x + x * share, start.y + y * share, 22, this.#palette.ink);
    context.globalAlpha = 1;
  }

  #circle(x: number, y: number, radius: number, color: string): void {
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, FULL_TURN);
    this.#context.fillStyle = color;
    this.#context.fill();
  }
}
