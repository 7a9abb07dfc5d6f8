// What room.diagnose() can find: by code, how bad it is, what it is, and what to do about it. docs/sdk.md has the table.
// Called by: diagnosis.ts.

export type Severity = 'error' | 'warning' | 'info';

/** The worst first, and what explains others before them. */
const FINDINGS = {
  PAGE_INSECURE: [
    'error',
    'The page is not served over HTTPS, so that browsers give it no camera and no microphone',
    'Serve the page over HTTPS, or from localhost',
  ],
  ROOM_CLOSED: ['error', 'The room is closed', 'Join again'],
  SIGNALING_LOST: [
    'error',
    'The connection to the server is lost, and is being made again',
    'Check the network; proxies have to let WebSockets pass',
  ],
  MEDIA_NOT_CONNECTED: [
    'error',
    'No media passes',
    'Let UDP pass to the server, or give it TURN over TLS at port 443',
  ],
  PLAYBACK_STOPPED: [
    'error',
    'An element that should show or play somebody is stopped',
    'Call play() on it after a click: browsers play no sound before',
  ],
  DEVICE_ENDED: ['error', 'A device that is published is gone', 'Choose another device'],
  DEVICE_DENIED: [
    'warning',
    'The browser may not use this device',
    'Allow it beside the address of the page',
  ],
  DEVICE_MISSING: ['warning', 'There is no such device', 'Plug one in'],
  DEVICE_SILENCED: [
    'warning',
    'The system gives nothing of this device',
    'Look for a switch on it, and for another program that has it',
  ],
  MICROPHONE_SILENT: [
    'warning',
    'The microphone is on and gives no sound at all',
    'Choose another microphone, or turn it up in the system',
  ],
  CAMERA_WITHOUT_PICTURES: [
    'warning',
    'The camera is on and gives no pictures',
    'Choose another camera, or close what else uses it',
  ],
  LOSS_UP: ['warning', 'Packets that we send get lost', 'Move to a better network, or send less'],
  LOSS_DOWN: ['warning', 'Packets that we receive get lost', 'Move to a better network'],
  ROUND_TRIP_LONG: [
    'warning',
    'The way to the other side is long',
    'Move to a better network, or use a server that is nearer',
  ],
  UPLOAD_NARROW: ['warning', 'The network carries little of what we send', 'Switch the camera off'],
  ENCODER_CPU: [
    'warning',
    'The processor cannot keep up, so that pictures are sent smaller',
    'Close other programs, or send a smaller picture',
  ],
  ENCODER_BANDWIDTH: [
    'warning',
    'The network carries less than the pictures need, so that they are sent smaller',
    'Move to a better network',
  ],
  PICTURE_NOT_RECEIVED: [
    'warning',
    'A picture that should arrive does not',
    'Wait some seconds; if it stays so, its publisher may have a bad network',
  ],
  PICTURE_NOT_DECODED: [
    'warning',
    'A picture arrives and cannot be shown',
    'Its publisher should send another codec',
  ],
  PICTURE_PAUSED: ['info', 'The server sends no picture, for the reason given', 'See docs/sdk.md'],
  MEDIA_OVER_TCP: [
    'warning',
    'Media goes over TCP, where what is late delays what follows',
    'Let UDP pass to the server',
  ],
  MEDIA_OVER_RELAY: ['info', 'Media goes through a relay', 'Nothing, where it is good enough'],
  CLOCK_WRONG: [
    'warning',
    'The clock of this device is wrong, so that tokens may seem to be expired',
    'Set the clock',
  ],
  MAY_NOT_PUBLISH: ['info', 'The token does not let us send', 'Ask for one with canPublish'],
  MAY_NOT_SUBSCRIBE: ['info', 'The token does not let us receive', 'Ask for one with canSubscribe'],
} as const satisfies Record<string, readonly [Severity, string, string]>;

export type FindingCode = keyof typeof FINDINGS;

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** For people, in English. */
  readonly what: string;
  readonly todo: string;
  /** Sid of whom it is about, if it is about somebody else. */
  readonly participant?: string;
  /** What of ours it is about. */
  readonly source?: string;
  /** Why a picture is paused, as in `publication.quality`; or the state of a connection. */
  readonly reason?: string;
  /** A share, milliseconds, or bits a second. */
  readonly value?: number;
}

export type FindingDetail = Partial<
  Pick<Finding, 'participant' | 'source' | 'reason' | 'value' | 'severity'>
>;

export function finding(code: FindingCode, detail: FindingDetail = {}): Finding {
  const [severity, what, todo] = FINDINGS[code];
  return { code, severity, what, todo, ...detail };
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

export function inOrder(findings: readonly Finding[]): Finding[] {
  const codes = Object.keys(FINDINGS);
  const rank = ({ severity, code }: Finding): number =>
    SEVERITIES.indexOf(severity) * codes.length + codes.indexOf(code);
  return findings.toSorted((a, b) => rank(a) - rank(b));
}
