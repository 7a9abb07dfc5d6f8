// Whether this node may serve its rooms: only while nobody else can have been given them. Redis lets a node's key live
// for the lease from when it is renewed; we count from before we asked, and stop a margin earlier.
// Called by: cluster.ts. Time is an argument (monotonic, milliseconds).

/** Share of the lease by which clocks of this machine and of Redis may run apart. */
const MARGIN = 0.1;

export class NodeLease {
  readonly #holdMs: number;
  #until = -Infinity;

  constructor(leaseMs: number) {
    this.#holdMs = leaseMs * (1 - MARGIN);
  }

  holds(now: number): boolean {
    return now < this.#until;
  }

  /** Redis has said yes to what was asked at `askedAt`. */
  renewed(askedAt: number): void {
    this.#until = Math.max(this.#until, askedAt + this.#holdMs);
  }

  /** It is over, whatever was renewed. */
  end(): void {
    this.#until = -Infinity;
  }
}
