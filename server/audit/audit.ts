// Who did what to the server and its rooms: the one thing that other parts say to the audit log.
// Called by: the APIs, the reload, the observer of rooms, the server's start and stop.

import type { Caller } from '../../gateway/caller.ts';

export type Actor =
  | { readonly type: 'server' }
  /** Such as SIGHUP. */
  | { readonly type: 'signal'; readonly name: string }
  /** A watched file that has changed, by its key. */
  | { readonly type: 'file'; readonly name: string }
  /** Whoever has a token: the name of the API key that signed it, and who it says it is for. */
  | { readonly type: 'token'; readonly key: string; readonly identity: string | undefined }
  /** Whoever has that API key. */
  | { readonly type: 'key'; readonly key: string }
  /** Whoever asks. */
  | { readonly type: 'anonymous' }
  | { readonly type: 'participant'; readonly sid: string; readonly identity: string };

export type AuditTarget = Readonly<Record<string, unknown>>;

export interface Audit {
  /**
   * Never throws and does not wait. `outcome` is `ok` or the reason why not. Texts of outsiders may be handed over as
   * they are; secrets and tokens may not be handed over at all.
   */
  record(actor: Actor, action: string, target: AuditTarget, outcome: string): void;
}

export const noAudit: Audit = { record: () => undefined };

/** Whose token or key it is that asks over HTTP. */
export function actorOf(caller: Caller): Actor {
  if (caller.kind === 'key') return { type: 'key', key: caller.key };
  if (caller.kind === 'anonymous') return { type: 'anonymous' };
  const { key, identity } = caller;
  return { type: 'token', key, identity };
}

/** In one word, for the log. */
export function nameOfActor(actor: Actor): string {
  if (actor.type === 'signal' || actor.type === 'file') return actor.name;
  return actor.type === 'server' || actor.type === 'participant' ? actor.type : 'http';
}
