/** From the world to the canvas: the player is in the middle, and nothing is in the picture that is not in sight. */

import type { Vector } from "./motion";

/** What is within this distance, in units, is sure to be in sight with all of its disc. */
const SIGHT_UNITS = 384;

export interface Camera {
  /** The place in the middle of the picture, in units. */
  readonly centre: Vector;
  /** Pixels of the page a unit. */
  readonly scale: number;
  /** The size of the picture, in pixels of the page. */
  readonly width: number;
  readonly height: number;
}

/** The corners of the picture are as far away as one sees. */
export function cameraOn(centre: Vector, width: number, height: number): Camera {
  return { centre, scale: Math.hypot(width, height) / 2 / SIGHT_UNITS, width, height };
}

/** Where something is in the picture. */
export function toScreen({ centre, scale, width, height }: Camera, { x, y }: Vector): Vector {
  return { x: width / 2 + (x - centre.x) * scale, y: height / 2 + (y - centre.y) * scale };
}

/** Whether any of a thing of this radius, in units, is in the picture. */
export function isVisible(camera: Camera, place: Vector, radius: number): boolean {
  const { x, y } = toScreen(camera, place);
  const reach = radius * camera.scale;
  return x > -reach && y > -reach && x < camera.width + reach && y < camera.height + reach;
}
