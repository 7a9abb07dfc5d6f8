// The hot path allocates nothing: bytes of heap an operation, over 10^5 operations in batches small enough
// that no collection hides what was allocated. A control that does allocate shows that the measure sees it.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { STUN_OK, StunReader } from '../../../shared/stun/reader.ts';
import {
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  knownAttributes,
  METHOD_BINDING,
} from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { message } from './build.ts';
import { SAMPLE_IPV4_RESPONSE, SAMPLE_IPV6_RESPONSE, SAMPLE_REQUEST } from './vectors.ts';

setFlagsFromString('--expose-gc');
const collect = functionOf(runInNewContext('gc'));

function functionOf(value: unknown): () => void {
  if (!isFunction(value)) throw new Error('this runtime has no gc()');
  return value;
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function';
}

const BATCH = 2000;
const BATCHES = 50;

/** Heap bytes an operation: the median of the batches, so that a stray tick of the runtime is left out. */
function medianOfBatches(operation: () => void): number {
  const deltas: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < BATCH; i++) operation();
    deltas.push((process.memoryUsage().heapUsed - before) / BATCH);
  }
  deltas.sort((a, b) => a - b);
  return deltas[BATCHES >> 1] ?? Number.NaN;
}

/** The steady state: on a busy machine the compiler may need more than one round to get there. */
function bytesPerOperation(operation: () => void): number {
  for (let i = 0; i < 50_000; i++) operation();
  let least = medianOfBatches(operation);
  for (let round = 0; round < 4 && least > 1; round++) {
    least = Math.min(least, medianOfBatches(operation));
  }
  return least;
}

const reader = new StunReader();
const writer = new StunWriter();
const answer = new Uint8Array(128);
const mapped = new TransportAddress();
const v4 = new TransportAddress().setV4(0xc0000201, 50_000);
const v6 = new TransportAddress().setV6(0x20010db8, 0xffffffff, 0x80000000, 1, 50_000);
const chromium = message(0x0001);
const known = knownAttributes([ATTR_USERNAME]);
const unknown = new Uint16Array(16);

function respond(request: Uint8Array, from: TransportAddress): void {
  if (reader.read(request, 0, request.length) !== STUN_OK) throw new Error('not read');
  if (reader.method !== METHOD_BINDING || reader.messageClass !== CLASS_REQUEST) return;
  if (reader.hasFingerprint && !reader.checkFingerprint()) throw new Error('not right');
  writer
    .start(answer, 0, METHOD_BINDING, CLASS_SUCCESS, request, reader.transactionOffset)
    .xorAddress(ATTR_XOR_MAPPED_ADDRESS, from);
  if (reader.hasFingerprint) writer.fingerprint();
  writer.finish();
}

describe('allocation', () => {
  it('is seen where there is one', () => {
    let view = answer;
    expect(bytesPerOperation(() => (view = answer.subarray(1)))).toBeGreaterThan(40);
    expect(view).toHaveLength(127);
  });

  it.each([
    ['a bare Binding request answered, IPv4', () => respond(chromium, v4)],
    ['a bare Binding request answered, IPv6', () => respond(chromium, v6)],
    ['a Binding request with FINGERPRINT answered with one', () => respond(SAMPLE_REQUEST, v4)],
    [
      'attributes found, numbers read, unknown ones collected',
      () => {
        reader.read(SAMPLE_REQUEST, 0, SAMPLE_REQUEST.length);
        if (reader.lengthAt(reader.find(ATTR_USERNAME)) !== 9) throw new Error('not found');
        reader.u32(reader.find(0x0024));
        if (reader.collectUnknown(known, unknown) === 0) throw new Error('none');
      },
    ],
    [
      'XOR addresses of both families read',
      () => {
        for (const sample of [SAMPLE_IPV4_RESPONSE, SAMPLE_IPV6_RESPONSE]) {
          reader.read(sample, 0, sample.length);
          if (!reader.xorAddress(reader.find(ATTR_XOR_MAPPED_ADDRESS), mapped))
            throw new Error('no');
        }
      },
    ],
    [
      'an error response written',
      () => {
        writer
          .start(answer, 0, METHOD_BINDING, CLASS_SUCCESS, chromium, 8)
          .errorCode(420, 'Unknown Attribute')
          .unknownAttributes(unknown, 2)
          .finish();
      },
    ],
  ])('is none: %s', (_name, operation) => {
    expect(bytesPerOperation(operation)).toBeLessThan(8);
  });
});
