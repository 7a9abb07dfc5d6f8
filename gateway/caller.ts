// Who asks over HTTP, and what it may do: nobody who is known, an API key itself, or who has a token that a key
// signed. Called by: the gate, which finds out once for each request; the routes and the APIs of the server entry.

export interface CallerGrants {
  /** The one room that they are for; undefined: every room, and the server. */
  readonly room: string | undefined;
  readonly roomAdmin: boolean;
  readonly roomCreate: boolean;
  readonly roomList: boolean;
}

export type Caller =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'key'; readonly key: string; readonly grants: CallerGrants }
  | {
      readonly kind: 'token';
      /** That signed it. */
      readonly key: string;
      readonly identity: string | undefined;
      readonly grants: CallerGrants;
    };

export const ANONYMOUS: Caller = { kind: 'anonymous' };
