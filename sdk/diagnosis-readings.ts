// Reads what diagnosis.ts judges: statistics a second apart, devices, tracks, and the elements that show the room.
// A module of its own; called by: diagnose.ts.

import { diagnose } from './diagnosis.ts';
import type { DeviceReading, DiagnosisReadings } from './diagnosis.ts';
import type { Finding } from './findings.ts';
import { DIAGNOSIS_MS } from './limits.ts';
import type { LinkStats } from './link-stats.ts';
import type { LocalMedia } from './local-media.ts';
import type { Participant } from './participant.ts';
import type { RoomState } from './room-events.ts';

/** What is read of a room. */
export interface DiagnosedRoom {
  readonly self: Participant;
  readonly participants: ReadonlyMap<string, Participant>;
  readonly local: LocalMedia;
  readonly state: RoomState;
  stats(): Promise<Map<string, LinkStats>>;
}

async function permissionOf(name: string): Promise<string | null> {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a browser that does not know it throws
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    return null;
  }
}

async function devices(): Promise<DeviceReading[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => null)) ?? null;
  const has = (kind: MediaDeviceKind): boolean | null =>
    all && all.some((device) => device.kind === kind);
  return [
    {
      source: 'microphone',
      permission: await permissionOf('microphone'),
      present: has('audioinput'),
    },
    { source: 'camera', permission: await permissionOf('camera'), present: has('videoinput') },
  ];
}

/** Those with media of the room; an application may have its reasons, but not for one that should play by itself. */
function stoppedElements(others: readonly Participant[]): number {
  const streams = new Set<MediaProvider | null>(
    others.flatMap(({ stream, publications }) => [stream, ...publications.map((p) => p.stream)]),
  );
  const attached = others.flatMap(({ publications }) => publications.flatMap((p) => p.elements));
  const elements = new Set([
    ...document.querySelectorAll<HTMLMediaElement>('audio, video'),
    ...attached,
  ]);
  return [...elements].filter(
    ({ srcObject, paused, autoplay }) => streams.has(srcObject) && paused && autoplay,
  ).length;
}

/** @param clockOffsetMs the server's clock minus ours */
export async function findingsOf(
  room: DiagnosedRoom,
  clockOffsetMs: () => number,
): Promise<Finding[]> {
  return diagnose(await readAll(room, clockOffsetMs));
}

async function readAll(
  room: DiagnosedRoom,
  clockOffsetMs: () => number,
): Promise<DiagnosisReadings> {
  const { self, local } = room;
  const before = await room.stats();
  await new Promise((resolve) => setTimeout(resolve, DIAGNOSIS_MS));
  const after = await room.stats();
  const others = [...room.participants.values()];
  const links = self.linkState === 'none' ? others : [self];
  return {
    secure: isSecureContext,
    state: room.state,
    clockOffsetMs: clockOffsetMs(),
    canPublish: self.permissions.canPublish,
    canSubscribe: self.permissions.canSubscribe,
    links: new Map(links.map(({ sid, linkState }) => [sid, linkState])),
    before,
    after,
    sent: local.publications.map(({ source, kind, track }) => ({
      source,
      kind,
      id: track.id,
      enabled: track.enabled,
      ended: track.readyState === 'ended',
      silenced: track.muted,
    })),
    pictures: others.flatMap(({ sid: participant, publications }) =>
      publications
        .filter(({ kind }) => kind === 'video')
        .map(({ sid: track, source, muted, track: arriving, quality }) => {
          const arrives = arriving !== null;
          return { participant, track, source, muted, arrives, quality };
        }),
    ),
    devices: await devices(),
    stopped: stoppedElements(others),
  };
}
