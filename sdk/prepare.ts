// Work that a join would wait for and that can be done before: the browser loads its media engine with the
// first offer (some 40 ms), and makes a key for DTLS.

/** Used by one room only: the same certificate in two would show that both are the same browser. */
let certificate: Promise<RTCCertificate> | null = null;
let engineLoaded = false;

async function loadEngine(): Promise<void> {
  const pc = new RTCPeerConnection();
  try {
    pc.addTransceiver('audio');
    pc.addTransceiver('video');
    await pc.createOffer();
  } finally {
    pc.close();
  }
}

/**
 * Makes the next join() faster; worth calling while the user still looks at a preview. Opens no connection
 * and no device, and does nothing where there is no WebRTC. Safe to call any number of times.
 */
export function prepare(): void {
  if (typeof RTCPeerConnection === 'undefined') return;
  const algorithm: EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };
  certificate ??= RTCPeerConnection.generateCertificate(algorithm);
  certificate.catch(() => undefined);
  if (engineLoaded) return;
  engineLoaded = true;
  loadEngine().catch(() => undefined);
}

/**
 * For join(): the prepared certificate, as soon as it is made; until then a link lets the browser make its
 * own.
 */
export function takeCertificate(): () => RTCCertificate | undefined {
  prepare();
  const made = certificate;
  certificate = null;
  let ready: RTCCertificate | undefined;
  const wait = async (): Promise<void> => {
    ready = await made?.catch(() => undefined);
  };
  wait().catch(() => undefined);
  return () => ready;
}
