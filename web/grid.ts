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

/** Smaller ones show nothing: then there are more rows than are seen at once. */
const WIDTH_MIN = 112;

/** The same, but never too small to see somebody: what does not fit is scrolled to. */
export function scrolledTileSize(count: number, stage: Box, gap: number): Box {
  const fitting = tileSize(count, stage, gap);
  if (fitting.width >= WIDTH_MIN || stage.width <= 0) return fitting;
  const columns = Math.max(1, Math.floor((stage.width + gap) / (WIDTH_MIN + gap)));
  const width = Math.floor((stage.width - gap * (columns - 1)) / columns);
  return { width, height: Math.floor(width / ASPECT_MIN.landscape) };
}

/** Of the small tiles below a large one. */
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

/** Of the column of small tiles beside a large one. */
const COLUMN = { share: 0.2, min: 112, max: 240 };

/** One large tile and the others in a column beside it, which is scrolled when there are more than fit. */
function besideSizes(count: number, stage: Box, gap: number): { large: Box; small: Box } {
  if (count <= 1) return spotlightSizes(count, stage, gap);
  const width = Math.floor(Math.min(Math.max(stage.width * COLUMN.share, COLUMN.min), COLUMN.max));
  return {
    large: { width: Math.max(0, Math.floor(stage.width - width - gap)), height: stage.height },
    small: { width, height: Math.floor(width / ASPECT_MAX) },
  };
}

export interface SpotlightLayout {
  /** Where the others are. */
  readonly others: 'beside' | 'below';
  readonly large: Box;
  readonly small: Box;
}

/** The others stand where they leave the large picture more room. */
export function spotlightLayout(count: number, stage: Box, gap: number): SpotlightLayout {
  const below = spotlightSizes(count, stage, gap);
  const beside = besideSizes(count, stage, gap);
  const picture = ({ large }: { large: Box }): number =>
    Math.min(large.width, large.height * ASPECT_MAX);
  return picture(beside) > picture(below)
    ? { others: 'beside', ...beside }
    : { others: 'below', ...below };
}
