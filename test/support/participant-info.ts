// What a server says of a participant, with what a test cares about. Called by: tests of the SDK.

import type { ParticipantInfo } from '../../signaling/protocol.ts';

export const participantInfo = (
  sid: string,
  v = 1,
  more: Partial<ParticipantInfo> = {},
): ParticipantInfo => ({
  sid,
  identity: sid,
  name: sid.toUpperCase(),
  v,
  state: 'active',
  joinedAt: 0,
  meta: '',
  attrs: {},
  tracks: [],
  perm: {
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    roomAdmin: false,
    hidden: false,
  },
  ...more,
});
