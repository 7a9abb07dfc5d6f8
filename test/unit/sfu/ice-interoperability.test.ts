// libjuice (node-datachannel), an independent full agent, against the lite one over real sockets of the
// loopback.

import { PeerConnection, type RtcConfig } from 'node-datachannel';
import { afterEach, expect, it } from 'vitest';
import type { IceTransport } from '../../../sfu/ice/candidates.ts';
import { newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { LiteSide } from './lite-side.ts';

const side: { lite?: LiteSide; full?: PeerConnection } = {};

afterEach(async () => {
  side.full?.close();
  await side.lite?.transport.close();
});

/** libjuice offers, the lite agent answers; resolves when libjuice says that ICE is connected. */
async function connect(kind: IceTransport, options: Partial<RtcConfig> = {}): Promise<string[]> {
  const lite = new LiteSide();
  side.lite = lite;
  await lite.start(kind);
  const full = new PeerConnection('full', { iceServers: [], bindAddress: '127.0.0.1', ...options });
  side.full = full;
  const states: string[] = [];
  await new Promise<void>((resolve, reject) => {
    full.onIceStateChange((state) => {
      states.push(state);
      if (state === 'connected' || state === 'completed') resolve();
      else if (state === 'failed') reject(new Error(`ICE: ${states.join(', ')}`));
    });
    full.onLocalDescription((offer) => full.setRemoteDescription(lite.answer(offer), 'answer'));
    full.createDataChannel('proof');
  });
  return states;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

it.each([
  ['udp', {}],
  ['tcp', { enableIceTcp: true }],
] as const)(
  'libjuice connects over %s, nominates a pair, and sends its DTLS from there alone',
  async (kind, options) => {
    const states = await connect(kind, options);
    expect(states[0]).toBe('checking');
    const lite = side.lite!;
    await until(() => lite.session?.state === 'connected' && lite.dtls > 0);
    const stats = lite.ice.stats();
    expect(stats.answered).toBeGreaterThanOrEqual(1);
    expect(stats.refused).toBe(0);
    expect(Object.values(stats.drops).every((count) => count === 0)).toBe(true);
    expect(lite.owner.heard.at(-1)).toMatch(/^selected \d+ 127\.0\.0\.1:\d+$/);
    expect(lite.refused).toEqual([]);
  },
);

it('libjuice and the lite agent mean the same pair', async () => {
  await connect('udp');
  const lite = side.lite!;
  await until(() => lite.session?.state === 'connected');
  const { local, remote } = side.full!.getSelectedCandidatePair()!;
  expect([remote.type, remote.address, remote.port]).toEqual([
    'host',
    '127.0.0.1',
    lite.transport.listening.port,
  ]);
  expect(lite.session!.selected!.remote.toString()).toBe(`${local.address}:${local.port}`);
});

it('libjuice with the wrong password gets no answer and does not connect', async () => {
  const lite = new LiteSide();
  side.lite = lite;
  await lite.start('udp');
  const full = new PeerConnection('full', { iceServers: [], bindAddress: '127.0.0.1' });
  side.full = full;
  const states: string[] = [];
  full.onIceStateChange((state) => states.push(state));
  full.onLocalDescription((offer) => {
    const wrong = `a=ice-pwd:${newIceCredentials().password}`;
    full.setRemoteDescription(lite.answer(offer).replace(/a=ice-pwd:\S+/, wrong), 'answer');
  });
  full.createDataChannel('proof');
  await until(() => (lite.ice?.stats().drops['bad-integrity'] ?? 0) >= 3);
  expect(lite.ice.stats().answered).toBe(0);
  expect(states).not.toContain('connected');
  expect(lite.session?.state).toBe('new');
});
