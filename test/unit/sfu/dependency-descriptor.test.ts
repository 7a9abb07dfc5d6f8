// Dependency descriptors as Chromium 156 sends them with AV1 in L3T3_KEY, and what is none.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DependencyDescriptor } from '../../../sfu/rtp/dependency-descriptor.ts';
import { DependencyStructure } from '../../../sfu/rtp/dependency-structure.ts';
import {
  beginsAfter,
  neededBy,
  NO_LAYERS,
  spatialLayer,
  temporalLayer,
} from '../../../sfu/rtp/packet-layers.ts';

const KEY = Buffer.from(
  '80000780081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d54923157e00' +
    '1974ca864330e222396eca8655304224390eca8775300ef008601df010d03bf021b',
  'hex',
);

function structure(): DependencyStructure {
  const read = new DependencyStructure();
  const descriptor = new DependencyDescriptor();
  expect(descriptor.read(KEY, 0, KEY.length)).toBe(true);
  expect(descriptor.readStructure(read)).toBe(true);
  return read;
}

const bits = (points: number): string => points.toString(2).padStart(9, '0');

/** Spatial and temporal layer, who needs it and who may begin after it, of nine operating points from the highest on. */
function told(hex: string): unknown[] {
  const bytes = Buffer.from(hex, 'hex');
  const descriptor = new DependencyDescriptor();
  descriptor.read(bytes, 0, bytes.length);
  const layers = descriptor.layers(structure(), new DependencyStructure());
  return [
    spatialLayer(layers),
    temporalLayer(layers),
    bits(neededBy(layers)),
    bits(beginsAfter(layers)),
  ];
}

describe('of Chromium', () => {
  it('has fifteen templates and nine decode targets', () => {
    expect(structure()).toMatchObject({ templates: 15, targets: 9, topSpatial: 2 });
  });

  it.each([
    ['a key frame', KEY.toString('hex'), [0, 0, '111111111', '111111111']],
    ['the layer above it', '850008', [1, 0, '111111000', '111111000']],
    ['and the highest', '8a0009', [2, 0, '111000000', '111000000']],
    ['the base later on', '81001158fd90282400', [0, 0, '000000111', '000000111']],
    ['half of the pictures', '82000d40fc', [0, 1, '000000110', '000000100']],
    ['all pictures', '8800101a00484000', [1, 2, '000100000', '000000000']],
  ])('%s', (_, hex, layers) => {
    expect(told(hex)).toEqual(layers);
  });

  it('says when the highest layer is not sent any more', () => {
    const bytes = Buffer.from('82000d40fc', 'hex');
    const descriptor = new DependencyDescriptor();
    descriptor.read(bytes, 0, bytes.length);
    const templates = structure();
    descriptor.layers(templates, new DependencyStructure());
    expect(descriptor.activeDecodeTargets).toBe(0b000111111);
    expect(templates.topSpatialOf(descriptor.activeDecodeTargets)).toBe(1);
  });

  it('knows no template of another structure', () => {
    expect(told('bf0001')).toEqual([0, 0, '000000000', '000000000']);
  });
});

it('takes whatever comes for what it is, and no more', () => {
  const descriptor = new DependencyDescriptor();
  const read = new DependencyStructure();
  const spare = new DependencyStructure();
  const wild = fc.oneof(
    fc.uint8Array({ maxLength: 255 }),
    // A structure, cut off or changed in one place.
    fc.tuple(fc.nat(KEY.length), fc.nat(KEY.length - 1), fc.nat(255)).map(([length, at, value]) => {
      const bytes = Uint8Array.from(KEY);
      bytes[at] = value;
      return bytes.subarray(0, length);
    }),
  );
  fc.assert(
    fc.property(wild, (bytes) => {
      if (!descriptor.read(bytes, 0, bytes.length)) return;
      const known = descriptor.readStructure(read) ? read : structure();
      expect(known.templates).toBeLessThanOrEqual(64);
      const layers = descriptor.layers(known, spare);
      // Who may begin after a frame needs it.
      expect(beginsAfter(layers) & ~neededBy(layers)).toBe(0);
      if (layers === NO_LAYERS) return;
      expect(spatialLayer(layers)).toBeLessThanOrEqual(2);
      expect(temporalLayer(layers)).toBeLessThanOrEqual(2);
    }),
    { numRuns: 300 },
  );
});
