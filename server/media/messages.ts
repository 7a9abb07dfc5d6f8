// What the main thread and a media worker say to each other: structured clones, one type each way.

import type { MessagePort } from 'node:worker_threads';
import type { PipeCommand, PipeEvent, SfuCommand, SfuEvent } from '../../sfu/control.ts';
import type { DtlsCertificate } from '../../sfu/dtls/certificate.ts';
import type { SfuStats } from '../../sfu/index.ts';
import type { RoomSummary } from '../../sfu/router/room-summary.ts';
import type { MediaServerStats } from '../../sfu/transport/media-server.ts';
import type { TieredCacheMemory } from '../../shared/cache/cache-options.ts';
import type { EngineCounters } from '../../shared/net/engine.ts';
import type { MailroomMemory } from '../../shared/net/mailroom.ts';
import type {
  AllocationDetails,
  AllocationReport,
  CommonsMemory,
  DtlsStats,
  PemCertificate,
  TcpRelayCommand,
  TcpRelayEvent,
  TurnStats,
  TurnStreamCommand,
  TurnStreamEvent,
  UserAnswer,
} from '../../turn/index.ts';
import type { TurnSettings } from './turn-options.ts';

export type { TurnStreamCommand, TurnStreamEvent } from '../../turn/index.ts';

/** What a worker starts with. */
export interface MediaWorkerData {
  port: MessagePort;
  /** Its number, from 0. */
  index: number;
  /** How many threads have died in its place before. */
  deaths: number;
  settings: TurnSettings;
  /** Where other services of the process are, which must not be peers (RFC 6062 reaches TCP). */
  services: readonly Endpoint[];
  commons: CommonsMemory;
  /** Undefined where media goes from peer to peer. */
  sfu: SfuWorkerData | undefined;
  /** What is known of users outside; undefined where there is nobody to ask for them. */
  users: TieredCacheMemory | undefined;
  /** Whether there shall be no new allocations. */
  draining: boolean;
  /** What clients over DTLS are shown; undefined where there is no listener for them. */
  dtls: PemCertificate | undefined;
  /** Whether anybody reads what is logged as `info`: an allocation must not pay for lines that nobody sees. */
  logsInfo: boolean;
  /** For the Linux engine; without it the portable one runs. */
  linux: LinuxWorkerData | undefined;
}

/** An address as a structured clone carries it. */
export interface Endpoint {
  host: string;
  port: number;
}

export interface SfuWorkerData {
  certificate: DtlsCertificate;
  /** Of this worker alone; port 0 takes a free one. */
  listen: readonly Endpoint[];
  /** IP addresses that clients are told instead. */
  announce: readonly string[];
  /** Participants that this worker takes. */
  transportsMax: number;
  /** Microphones of a room that are forwarded; 0 for all. */
  loudest: number;
}

/** Descriptors are the process's: what one thread opened another may use by its number. */
export interface LinuxWorkerData {
  /** One eventfd for each worker. */
  wakeFds: readonly number[];
  descriptors: SharedArrayBuffer;
  mail: MailroomMemory;
  /** Where the workers answer themselves. */
  handOver: SharedArrayBuffer;
  /** This worker's socket of each listener over UDP, then over DTLS, each in the order of the configuration. */
  listeners: readonly number[];
  /** Empty for any. */
  cpus: readonly number[];
}

/** From the main thread; `at` is when it said so, monotonic milliseconds. */
export type MediaCommand =
  | { type: 'ask'; id: number; question: WorkerQuestion }
  | { type: 'stop'; at: number }
  | { type: 'drain'; on: boolean }
  | SfuCommand
  | PipeCommand
  | StreamCommand
  | TurnStreamCommand
  | TcpRelayCommand
  | UserCommand
  /** What clients over DTLS are shown from now on. */
  | { type: 'turn.certificate'; certificate: PemCertificate };

/** Each gets the answer of its type. */
export type WorkerQuestion =
  | { type: 'stats' }
  | { type: 'allocations'; after: number; max: number }
  | { type: 'allocation'; allocation: number }
  | { type: 'end-allocation'; allocation: number }
  /** What rooms do here, and who of them is in trouble. */
  | { type: 'rooms' }
  /** Takes over what `turnRules` has of the settings, and whether anybody reads `info`. */
  | { type: 'reconfigure'; settings: TurnSettings; logsInfo: boolean };

export type WorkerAnswer =
  | { type: 'stats'; stats: WorkerStats }
  | { type: 'allocations'; page: AllocationReport[] }
  | { type: 'allocation'; allocation: AllocationDetails | undefined }
  | { type: 'end-allocation'; ended: boolean }
  | { type: 'rooms'; rooms: RoomSummary[] }
  | { type: 'reconfigure' };

/** About the TCP connections of ICE, which are the main thread's: frames are RFC 4571's, without their lengths. */
export type StreamCommand =
  | { type: 'stream.open'; stream: number; remote: Endpoint }
  | { type: 'stream.frame'; stream: number; bytes: Uint8Array }
  | { type: 'stream.close'; stream: number };

export type StreamEvent =
  | { type: 'stream.frame'; stream: number; bytes: Uint8Array }
  | { type: 'stream.close'; stream: number };

/** About users whom neither the configuration nor a secret knows. `ttlMs`: how long the answer is good. */
export interface UserCommand {
  type: 'user.answer';
  username: string;
  answer: UserAnswer;
  ttlMs: number;
}

export interface UserEvent {
  type: 'user.ask';
  username: string;
}

export function isTurnStreamCommand(command: MediaCommand): command is TurnStreamCommand {
  return command.type.startsWith('turn.') && command.type !== 'turn.certificate';
}

export function isTurnStreamEvent(event: MediaEvent): event is TurnStreamEvent {
  return event.type.startsWith('turn.');
}

export function isTcpRelayCommand(command: MediaCommand): command is TcpRelayCommand {
  return command.type.startsWith('tcp.');
}

export function isTcpRelayEvent(event: MediaEvent): event is TcpRelayEvent {
  return event.type.startsWith('tcp.');
}

export interface WorkerStats {
  engine: { kind: string } & EngineCounters;
  /** `streams` are connections of clients over TCP and TLS. */
  turn: TurnStats & { streams: number };
  /** Undefined where there is no listener for DTLS. */
  dtls: DtlsStats | undefined;
  sfu: SfuWorkerStats | undefined;
  thread: ThreadUsage;
}

/** What the worker's own thread has taken. */
export interface ThreadUsage {
  /** Null where the system does not tell it of threads. */
  cpuSeconds: number | null;
  /** Of its JavaScript heap. */
  heapUsedBytes: number;
}

export interface SfuWorkerStats {
  server: MediaServerStats;
  router: SfuStats;
}

/** A listener that is open, or why it is not. `url` is `udp://address:port`, with the real port once open. */
export interface ListenerState {
  url: string;
  failure?: 'in-use' | 'unavailable';
}

/** What a worker has opened, in the order of the configuration. */
export interface Listening {
  turn: ListenerState[];
  media: ListenerState[];
}

/** From a media worker. */
export type MediaEvent =
  | ({ type: 'listening' } & Listening)
  | { type: 'answer'; id: number; answer: WorkerAnswer }
  | {
      type: 'log';
      level: 'info' | 'error';
      event: string;
      fields: Record<string, unknown>;
    }
  | SfuEvent
  | PipeEvent
  | StreamEvent
  | TurnStreamEvent
  | TcpRelayEvent
  | UserEvent;
