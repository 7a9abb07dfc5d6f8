// The dependency descriptor (AV1 RTP specification, appendix A) in sections that receive: without it a browser cannot
// tell apart the layers of AV1, and gets the smallest alone. Browsers know it and do not offer it by themselves. Called
// by: ReceiveSlots.

const DEPENDENCIES =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

/** W3C webrtc-extensions s7, which the types of TypeScript lack. */
interface Extension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}
interface Extended {
  getHeaderExtensionsToNegotiate?: () => Extension[];
  setHeaderExtensionsToNegotiate?: (extensions: Extension[]) => void;
}

export function offerDependencies(transceiver: RTCRtpTransceiver & Extended): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.() ?? [];
  const found = extensions.find(({ uri }) => uri === DEPENDENCIES);
  if (found?.direction !== 'stopped') return;
  found.direction = 'sendrecv';
  try {
    transceiver.setHeaderExtensionsToNegotiate?.(extensions);
  } catch {
    // A browser that cannot goes without it.
  }
}
