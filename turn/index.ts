// The TURN server as the rest of the process sees it.

export { CHANNEL_NUMBER_MAX, LEGACY_CHANNEL_NUMBER_MAX } from './allocation.ts';
export type { Listener } from './allocation.ts';
export type { AllocationDetails, AllocationReport } from './allocation-desk.ts';
export { CLIENT_TRANSPORTS, type ClientSink, type ClientTransport } from './client-sink.ts';
export { Commons, type CommonsMemory, type CommonsOptions } from './commons.ts';
export { mintRestCredential } from './credentials.ts';
export type { PemCertificate } from './dtls-certificate.ts';
export type { DtlsStats } from './dtls-clients.ts';
export type { KnownUser, UserAnswer } from './outside-users.ts';
export type { Holdings } from './shared-quota.ts';
export type {
  AllocationEvent,
  AllocationEnd,
  NatDiscoveryAddresses,
  Neighbours,
  TurnObserver,
  TurnOptions,
  TurnRules,
} from './options.ts';
export type { TurnStreamCommand, TurnStreamEvent } from './stream-control.ts';
export type { TcpRelayCommand, TcpRelayEvent } from './tcp-control.ts';
export { TcpMeter } from './tcp-meter.ts';
export type { ListenAt, ListenResult } from './listening.ts';
export { TurnServer, type TurnStats } from './turn-server.ts';
export { TurnStreams } from './turn-streams.ts';
