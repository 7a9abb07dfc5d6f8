// Somebody who knows users and their passwords: Redis, a web service.

/** The password of a user; undefined for one that it does not know. */
export interface UserSource {
  /** Such as `redis`: the label of its metrics, and its name in the log. */
  readonly name: string;
  /** Rejects when it cannot be asked, within a few seconds. */
  passwordOf(username: string): Promise<string | undefined>;
  close(): void;
}
