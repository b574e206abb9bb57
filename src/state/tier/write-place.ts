/** Where a write goes. */
export type WritePlace =
  | 'whole'
  | 'end'
  /** The value has `totalBytes` at least afterwards. */
  | { readonly offset: number; readonly totalBytes?: number };

/** @param sizeBytes of the value before */
export function startOf(place: WritePlace, sizeBytes: number): number {
  if (place === 'whole') return 0;
  return place === 'end' ? sizeBytes : place.offset;
}

/** The least size of the value afterwards. */
export function endOf(place: WritePlace, sizeBytes: number, byteLength: number): number {
  const totalBytes = typeof place === 'object' ? (place.totalBytes ?? 0) : 0;
  return Math.max(startOf(place, sizeBytes) + byteLength, totalBytes);
}
