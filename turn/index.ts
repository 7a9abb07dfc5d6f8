// The TURN server as the rest of the process sees it.

export { CHANNEL_NUMBER_MAX, LEGACY_CHANNEL_NUMBER_MAX } from './allocation.ts';
export type { Listener } from './allocation.ts';
export type { AllocationDetails, AllocationReport } from './allocation-desk.ts';
export type { ClientSink, ClientTransport } from './client-sink.ts';
export { Commons, type CommonsMemory, type CommonsOptions } from './commons.ts';
export { mintRestCredential } from './credentials.ts';
export type { Holdings } from './shared-quota.ts';
export type {
  AllocationEvent,
  AllocationEnd,
  Neighbours,
  TurnObserver,
  TurnOptions,
  TurnRules,
} from './options.ts';
export { type ListenResult, TurnServer, type TurnStats } from './turn-server.ts';
