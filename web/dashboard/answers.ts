// What the API answers, as far as the dashboard reads it; docs/http-api.md says what each field means.

export interface WorkerNumbers {
  cpuSeconds: number | null;
  heapUsedBytes: number;
  rooms: number;
  transports: number;
  disconnected: number;
  publications: number;
  packetsIn: number;
  bytesIn: number;
  packetsOut: number;
  bytesOut: number;
  nacksIn: number;
  nacksOut: number;
  resent: number;
  keyFrameRequestsIn: number;
  dropped: number;
  allocations: number;
  relayedPackets: number;
  relayedBytes: number;
  turnDropped: number;
  sendDropped: number;
}

export interface NodeNumbers {
  id: string;
  name: string;
  version: string;
  engine: string;
  state: 'starting' | 'ready' | 'draining' | 'closing';
  healthy: boolean;
  serves: boolean;
  at: number;
  startedAt: number;
  rooms: number;
  participants: number;
  away: number;
  joins: number;
  resumes: number;
  refusals: number;
  joinMs: { p50: number; p99: number } | null;
  requests: number;
  clientErrors: number;
  serverErrors: number;
  warnings: number;
  errors: number;
  turn: { allocations: number; users: number; quotaTotal: number; quotaPerUser: number };
  process: {
    cpuSeconds: number;
    mainCpuSeconds: number | null;
    rssBytes: number;
    heapUsedBytes: number;
    loopDelayMs: { p50: number; p99: number; max: number } | null;
  };
  workers: { index: number; deaths: number; numbers: WorkerNumbers | null }[];
}

export interface NodeList {
  self: string;
  nodes: NodeNumbers[];
  missing: { id: string; name: string }[];
  redis: 'none' | 'up' | 'down';
}

export interface Troubles {
  disconnected: number;
  lossy: number;
  paused: number;
  reduced: number;
}

export interface Troubled {
  sid: string;
  identity: string;
  name: string;
  disconnected: boolean;
  fractionLost: number;
  paused: number;
  reduced: number;
}

export interface RoomRow {
  sid: string;
  name: string;
  node: string;
  mode: 'auto' | 'sfu' | 'p2p';
  route: 'p2p' | 'sfu';
  createdAt: number;
  participants: number;
  away: number;
  workers: number[];
  bitrateInBps: number;
  bitrateOutBps: number;
  troubles: Troubles;
  troubled: Troubled[];
}

export interface Overview {
  rooms: RoomRow[];
  total: number;
  matched: number;
  troubles: Troubles;
  troubledRooms: number;
}

export interface Subscription {
  mid: string;
  track: string | null;
  participant: string | null;
  codec: string;
  waits: string | null;
  layer: number | null;
  temporalLayer: number | null;
  reason: string | null;
  fractionLost: number;
  jitterMs: number;
  nacks: number;
  resent: number;
  bitrateBps: number;
}

export interface Stream {
  ssrc: number;
  rid: string | null;
  codec: string;
  selected: boolean;
  bitrateBps: number;
  lost: number;
  packets: number;
  jitterMs: number;
}

export interface Track {
  sid: string;
  kind: 'audio' | 'video';
  source: string;
  name: string;
  muted: boolean;
  /** Where media goes past the server nothing is known of them. */
  streams?: Stream[];
}

export interface Transport {
  state: string;
  worker: number;
  path: 'udp' | 'tcp' | 'relay' | null;
  family: 4 | 6 | null;
  rttMs: number | null;
  availableBps: number | null;
  consentAgeMs: number | null;
}

export interface ParticipantStats {
  participant: { sid: string; identity: string; name: string; state: string; joinedAt: number };
  transport: Transport | null;
  tracks: Track[];
  subscriptions: Subscription[];
  direct: number;
}

export interface RoomStats {
  room: { sid: string; name: string; mode: string; route: string };
  total: number;
  participants: ParticipantStats[];
}

/** What is known of participants where the server has no media of theirs. */
export interface ParticipantList {
  participants: (ParticipantStats['participant'] & { tracks: Track[] })[];
  total: number;
}

export interface Allocation {
  id: string;
  worker: number;
  user: string;
  client: string;
  transport: string;
  relayed: string[];
  createdAt: number;
  expiresInSeconds: number;
  permissions: number;
  channels: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
}

export interface AllocationList {
  allocations: Allocation[];
  next: string | null;
  unanswered: number[];
}

export interface ErrorList {
  lines: {
    node: string;
    firstAt: number;
    at: number;
    level: 'warn' | 'error' | 'fatal';
    event: string;
    fields: string;
    count: number;
  }[];
  warnings: number;
  errors: number;
}
