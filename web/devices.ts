// Camera and microphone of this machine: opening them with whatever is there, naming them, and saying in
// plain words what is missing.

type Kind = 'camera' | 'microphone';

export type DeviceFault = 'denied' | 'missing' | 'busy' | 'gone' | 'insecure' | 'other';

/** Why a kind is missing; absent for what works. */
export type DeviceFaults = Partial<Record<Kind, DeviceFault>>;

export interface OpenedDevices {
  stream: MediaStream;
  faults: DeviceFaults;
}

export interface DeviceChoice {
  camera?: string | undefined;
  microphone?: string | undefined;
}

/** A mesh sends its video once per participant, so it is modest. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 960 },
  height: { ideal: 540 },
  frameRate: { ideal: 30 },
};

function constraints(kind: Kind, choice: DeviceChoice): MediaTrackConstraints {
  const id = choice[kind];
  return { ...(kind === 'camera' ? CAMERA : {}), ...(id ? { deviceId: { exact: id } } : {}) };
}

const FAULT_OF_ERROR: Readonly<Record<string, DeviceFault>> = {
  NotAllowedError: 'denied',
  NotFoundError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
  OverconstrainedError: 'gone',
};

function faultOf(error: unknown): DeviceFault {
  return (error instanceof DOMException && FAULT_OF_ERROR[error.name]) || 'other';
}

/** `both`: camera and microphone have the same fault. */
const EXPLANATIONS: Readonly<Record<DeviceFault, (what: string, both: boolean) => string>> = {
  denied: (what) => `The browser was not allowed to use the ${what}.`,
  missing: (what, both) =>
    both ? 'There is no camera and no microphone.' : `There is no ${what}.`,
  busy: (what) => `The ${what} did not start; another program may be using it.`,
  gone: (what) => `The chosen ${what} cannot be found any more.`,
  insecure: () => 'Browsers open devices on HTTPS pages and on localhost only.',
  other: (what) => `The ${what} cannot be used here.`,
};

/** What is missing, in sentences; empty when nothing is. */
export function explainFaults({ camera, microphone }: DeviceFaults): string {
  if (camera && camera === microphone) {
    return EXPLANATIONS[camera]('camera and the microphone', true);
  }
  return [
    camera ? EXPLANATIONS[camera]('camera', false) : '',
    microphone ? EXPLANATIONS[microphone]('microphone', false) : '',
  ]
    .filter(Boolean)
    .join(' ');
}

const ADVICE: Readonly<Record<DeviceFault, string>> = {
  denied: 'Allow it at the sign in the address bar, then try again.',
  missing: 'Plug one in, then try again.',
  busy: 'Close the other program, then try again.',
  gone: 'Choose another one.',
  insecure: 'Ask for an address that begins with https.',
  other: 'Choose another one, or try again.',
};

/** What to do about it, in sentences. */
export function adviceFor({ camera, microphone }: DeviceFaults): string {
  const faults = new Set([microphone, camera].filter((fault) => fault !== undefined));
  return [...faults].map((fault) => ADVICE[fault]).join(' ');
}

/** What went wrong with getUserMedia for one device. */
export function explainDeviceError(kind: Kind, error: unknown): string {
  const faults = { [kind]: faultOf(error) };
  return `${explainFaults(faults)} ${adviceFor(faults)}`;
}

async function openOne(kind: Kind, choice: DeviceChoice): Promise<MediaStreamTrack[]> {
  const wanted = constraints(kind, choice);
  const opened = await navigator.mediaDevices.getUserMedia(
    kind === 'camera' ? { video: wanted } : { audio: wanted },
  );
  return opened.getTracks();
}

/** Opens both with one question to the user, or else each alone; never rejects. */
export async function openDevices(choice: DeviceChoice = {}): Promise<OpenedDevices> {
  const stream = new MediaStream();
  const faults: DeviceFaults = {};
  if (!('mediaDevices' in navigator)) {
    return { stream, faults: { camera: 'insecure', microphone: 'insecure' } };
  }
  try {
    const both = await navigator.mediaDevices.getUserMedia({
      audio: constraints('microphone', choice),
      video: constraints('camera', choice),
    });
    return { stream: both, faults };
  } catch (error) {
    // Asking again would only be refused again.
    if (faultOf(error) === 'denied') {
      return { stream, faults: { camera: 'denied', microphone: 'denied' } };
    }
  }
  const attempts = (['microphone', 'camera'] as const).map(async (kind) => {
    try {
      for (const track of await openOne(kind, choice)) stream.addTrack(track);
    } catch (error) {
      faults[kind] = faultOf(error);
    }
  });
  await Promise.all(attempts);
  return { stream, faults };
}

export function stopTracks(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

const DEVICE_KINDS = {
  camera: 'videoinput',
  microphone: 'audioinput',
  speaker: 'audiooutput',
} as const satisfies Record<Kind | 'speaker', MediaDeviceKind>;

/** Fills a selector with the devices of its kind and keeps the one in use selected. */
export async function fillDevices(
  select: HTMLSelectElement,
  kind: Kind | 'speaker',
  inUse: string | undefined,
): Promise<void> {
  const all = 'mediaDevices' in navigator ? await navigator.mediaDevices.enumerateDevices() : [];
  const wanted = DEVICE_KINDS[kind];
  const devices = all.filter((device) => device.kind === wanted && device.deviceId !== '');
  select.replaceChildren(
    ...devices.map(({ label, deviceId }, at) => new Option(label || `${kind} ${at + 1}`, deviceId)),
  );
  select.disabled = devices.length === 0;
  if (devices.length === 0) select.append(new Option(`No ${kind}`, ''));
  else if (devices.some(({ deviceId }) => deviceId === inUse)) select.value = inUse ?? '';
}

/** Whose device it is. */
export function deviceIdOf(track: MediaStreamTrack | undefined): string | undefined {
  return track?.getSettings().deviceId;
}
