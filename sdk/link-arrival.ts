// How much has arrived, from the counters of the browser: they go up whether or not anything is played.
// Called by: direct-link.ts, which compares.

import { entriesOf, numberIn } from './stats-entry.ts';

/** Decoded frames, or packets of sound; 0 where there is nothing yet. */
export async function arrivedAt(receiver: RTCRtpReceiver | undefined): Promise<number> {
  if (!receiver) return 0;
  const counter = receiver.track.kind === 'audio' ? 'packetsReceived' : 'framesDecoded';
  try {
    const inbound = entriesOf(await receiver.getStats(), 'inbound-rtp');
    return inbound.reduce((sum, entry) => sum + numberIn(entry, counter), 0);
  } catch {
    // Closed in between.
    return 0;
  }
}

/** Loudness of what a connection sends, 0 to 1; 0 also where a browser does not tell. */
export async function loudnessSent(pc: RTCPeerConnection): Promise<number> {
  const sender = pc.getSenders().find(({ track }) => track?.kind === 'audio');
  try {
    const sources = sender ? entriesOf(await sender.getStats(), 'media-source') : [];
    return Math.max(0, ...sources.map((source) => numberIn(source, 'audioLevel')));
  } catch {
    return 0;
  }
}
