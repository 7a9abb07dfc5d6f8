// The size of the tiles: as large as the stage allows, all equal, with an aspect that does not cut off much
// of a camera's picture. Pure.

export interface Box {
  width: number;
  height: number;
}

/** Width by height. An upright window, a phone's, gets upright tiles sooner than many small ones. */
const ASPECT_MIN = { landscape: 4 / 3, upright: 3 / 4 };
const ASPECT_MAX = 16 / 9;

/** The largest tile for `count` of them in `stage`, whole pixels. */
export function tileSize(count: number, stage: Box, gap: number): Box {
  const aspectMin = stage.width > stage.height ? ASPECT_MIN.landscape : ASPECT_MIN.upright;
  let best: Box = { width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    let width = (stage.width - gap * (columns - 1)) / columns;
    let height = (stage.height - gap * (rows - 1)) / rows;
    if (width <= 0 || height <= 0) continue;
    width = Math.min(width, height * ASPECT_MAX);
    height = Math.min(height, width / aspectMin);
    if (width * height > best.width * best.height) {
      best = { width: Math.floor(width), height: Math.floor(height) };
    }
  }
  return best;
}

/** Of the small tiles beside a large one. */
const STRIP = { share: 0.22, min: 64, max: 150 };

/** One large tile and a strip of the others below, in one row as long as they fit; whole pixels. */
export function spotlightSizes(count: number, stage: Box, gap: number): { large: Box; small: Box } {
  if (count <= 1) return { large: tileSize(1, stage, gap), small: { width: 0, height: 0 } };
  const wanted = Math.min(Math.max(stage.height * STRIP.share, STRIP.min), STRIP.max);
  const others = count - 1;
  const width = Math.min(wanted * ASPECT_MAX, (stage.width - gap * (others - 1)) / others);
  // Upright windows have room for few: more than one row is scrolled.
  const small = {
    width: Math.floor(Math.max(width, wanted)),
    height: Math.floor(wanted),
  };
  const height = Math.max(0, Math.floor(stage.height - small.height - gap));
  return { large: { width: Math.max(0, Math.floor(stage.width)), height }, small };
}
