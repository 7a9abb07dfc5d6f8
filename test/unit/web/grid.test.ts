import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { scrolledTileSize, spotlightLayout, spotlightSizes, tileSize } from '../../../web/grid.ts';

const GAP = 12;

test('one participant has the whole stage, at most 16:9', () => {
  expect(tileSize(1, { width: 1600, height: 700 }, GAP)).toEqual({ width: 1244, height: 700 });
});

test('three on a wide stage make two rows rather than three narrow tiles', () => {
  const { width, height } = tileSize(3, { width: 1240, height: 660 }, GAP);
  expect([width, height]).toEqual([576, 324]);
});

test('two on an upright telephone stand above each other', () => {
  const { width, height } = tileSize(2, { width: 366, height: 680 }, 8);
  expect(width).toBe(366);
  expect(height).toBe(336);
});

test('tiles always fit, with an aspect between the bounds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 800, max: 4000 }),
      fc.integer({ min: 800, max: 4000 }),
      (count, stageWidth, stageHeight) => {
        const { width, height } = tileSize(count, { width: stageWidth, height: stageHeight }, GAP);
        const columns = Math.floor((stageWidth + GAP) / (width + GAP));
        const rows = Math.floor((stageHeight + GAP) / (height + GAP));
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        const aspect = width / height;
        expect(aspect).toBeGreaterThan(stageWidth > stageHeight ? 1.3 : 0.73);
        expect(aspect).toBeLessThan(1.82);
      },
    ),
  );
});

test('a stage without room gives no tiles', () => {
  expect(tileSize(4, { width: 0, height: 0 }, GAP)).toEqual({ width: 0, height: 0 });
});

test('a large tile alone has the stage, with others the strip below', () => {
  const stage = { width: 1200, height: 700 };
  expect(spotlightSizes(1, stage, GAP)).toEqual({
    large: { width: 1200, height: 700 },
    small: { width: 0, height: 0 },
  });
  expect(spotlightSizes(4, stage, GAP)).toEqual({
    large: { width: 1200, height: 538 },
    small: { width: 266, height: 150 },
  });
});

test('the large tile and a row of the others fit one above the other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 200, max: 4000 }),
      fc.integer({ min: 200, max: 4000 }),
      (count, width, height) => {
        const { large, small } = spotlightSizes(count, { width, height }, GAP);
        expect(large.height + GAP + small.height).toBeLessThanOrEqual(height);
        expect(large.width).toBe(width);
        expect(large.height).toBeGreaterThan(small.height);
        expect(small.width / small.height).toBeGreaterThan(0.98);
        expect(small.width / small.height).toBeLessThan(1.82);
      },
    ),
  );
});

test('the others stand beside a large picture on a wide stage and below it on an upright one', () => {
  const wide = spotlightLayout(4, { width: 1248, height: 560 }, GAP);
  expect(wide).toEqual({
    others: 'beside',
    large: { width: 996, height: 560 },
    small: { width: 240, height: 135 },
  });
  expect(spotlightLayout(4, { width: 344, height: 440 }, GAP).others).toBe('below');
  expect(spotlightLayout(1, { width: 1248, height: 560 }, GAP).large.width).toBe(995);
});

test('tiles are scrolled to before they are too small to see anybody', () => {
  const stage = { width: 344, height: 440 };
  expect(scrolledTileSize(6, stage, 8)).toEqual(tileSize(6, stage, 8));
  expect(scrolledTileSize(60, stage, 8)).toEqual({ width: 168, height: 126 });
});
