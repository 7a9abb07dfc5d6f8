// Cuts bytes into pieces of nearly one size, so that no packet of a frame is much smaller than the others.
// Called by: the payload formats.

/** None is larger than `most`; nothing for no bytes. */
export function piecesOf(bytes: Uint8Array, most: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / most);
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(
      Math.floor((i * bytes.length) / count),
      Math.floor(((i + 1) * bytes.length) / count),
    ),
  );
}
