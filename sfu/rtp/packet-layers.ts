// Which layers inside of a stream a packet is of, in one word that fits a record of the history: its spatial and its
// temporal layer, and for each operating point whether who is sent that needs the frame, and may begin after it. An
// operating point is a spatial layer with a temporal one; all codecs are told in its terms. Called by: StreamLayers,
// LayerFilter. Allocates: nothing.

export const SPATIAL_LAYERS_MAX = 3;
export const TEMPORAL_LAYERS_MAX = 3;
/** Nine operating points, of which the last is everything. */
export const POINTS = SPATIAL_LAYERS_MAX * TEMPORAL_LAYERS_MAX;
export const ALL_POINTS = 2 ** POINTS - 1;

/** Of a packet about whose layers nothing is known: it is for everybody. */
export const NO_LAYERS = 0;

// From the lowest bit on: who needs the frame, who may begin after it, then the layers and the flags.
const SWITCH_SHIFT = POINTS;
const SPATIAL_SHIFT = 2 * POINTS;
const TEMPORAL_SHIFT = SPATIAL_SHIFT + 2;
const LAYER_MASK = 3;
/** The frame begins, or ends, in this packet. */
export const LAYERS_START = 1 << (TEMPORAL_SHIFT + 2);
export const LAYERS_END = 1 << (TEMPORAL_SHIFT + 3);
/** Who is sent one temporal layer less can begin with this very frame (RFC 7741 s4.2: Y). */
export const LAYERS_STEP = 1 << (TEMPORAL_SHIFT + 4);
/** Picture IDs count what is sent: none is to be missed (RFC 7741 s4.2). And: they have 15 bits. */
export const LAYERS_COUNTED = 1 << (TEMPORAL_SHIFT + 5);
export const LAYERS_LONG_ID = 1 << (TEMPORAL_SHIFT + 6);

/** Layers beyond those that there are here count as the highest. */
export function operatingPoint(spatial: number, temporal: number): number {
  return (
    TEMPORAL_LAYERS_MAX * Math.min(spatial, SPATIAL_LAYERS_MAX - 1) +
    Math.min(temporal, TEMPORAL_LAYERS_MAX - 1)
  );
}

export function spatialOf(point: number): number {
  return Math.floor(point / TEMPORAL_LAYERS_MAX);
}

export function temporalOf(point: number): number {
  return point % TEMPORAL_LAYERS_MAX;
}

/** Points of that spatial layer with that temporal layer, and with higher ones. */
export function pointsFrom(spatial: number, temporal: number): number {
  const from = operatingPoint(spatial, temporal);
  const end = operatingPoint(spatial, TEMPORAL_LAYERS_MAX - 1) + 1;
  return (1 << end) - (1 << from);
}

/**
 * @param needed the points that need the frame
 * @param begins those that can be gone over to when this frame has been sent
 */
export function packetLayers(
  spatial: number,
  temporal: number,
  needed: number,
  begins: number,
  flags: number,
): number {
  const s = Math.min(spatial, SPATIAL_LAYERS_MAX - 1);
  const t = Math.min(temporal, TEMPORAL_LAYERS_MAX - 1);
  return needed | (begins << SWITCH_SHIFT) | (s << SPATIAL_SHIFT) | (t << TEMPORAL_SHIFT) | flags;
}

export function neededBy(layers: number): number {
  return layers & ALL_POINTS;
}

export function beginsAfter(layers: number): number {
  return (layers >> SWITCH_SHIFT) & ALL_POINTS;
}

export function spatialLayer(layers: number): number {
  return (layers >> SPATIAL_SHIFT) & LAYER_MASK;
}

export function temporalLayer(layers: number): number {
  return (layers >> TEMPORAL_SHIFT) & LAYER_MASK;
}
