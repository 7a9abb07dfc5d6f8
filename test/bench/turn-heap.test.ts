// Relaying leaves nothing on the heap of the media worker and allocates next to nothing, in a short run of the bench
// that shows it: `sterna serve`, its worker watched through the inspector of Node.

import { expect, test } from 'vitest';
import { complaints, heapCells, SMALL_PACKETS } from '../../bench/turn-heap.ts';
import { measureHeap } from '../../bench/turn/heap.ts';

test.each(heapCells(SMALL_PACKETS))(
  '$method: $packets packets keep at most a byte each, and allocate at most eight',
  async (cell) => {
    const figure = await measureHeap(cell);
    expect(figure.packets).toBeGreaterThanOrEqual(cell.packets);
    expect(figure.allocators.length).toBeGreaterThan(0);
    expect(complaints(figure)).toEqual([]);
  },
);
