// The audit log: records are added to a file, each with the hash of the one before. They are written in the
// background and in order, many at once where many come, and synced to the disk after each writing; what cannot be
// written is kept, within bounds, and tried again. Nothing here ends the server.
// Called by: server.ts.

import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../../shared/clock.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Actor, Audit, AuditTarget } from './audit.ts';
import { readChainEnd } from './chain-end.ts';
import type { ChainEnd } from './chain-end.ts';
import { encodeRecord, RECOVERED, ZERO_HASH } from './record.ts';

/** What waits for a disk that is full or hangs; records beyond are lost, and their number is recorded. */
const WAITING_BYTES_MAX = 1_048_576;
const TRY_AGAIN_MS = 1000;
/** How long the end of the server waits for the disk. */
const CLOSE_MS = 2000;

/** Only the server's user reads it. */
const MODE = 0o600;
/** Neither a link that somebody put there nor a pipe that nobody reads. */
const FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;

const SERVER: Actor = { type: 'server' };

export interface AuditStats {
  readonly records: number;
  /** Attempts to write that failed. */
  readonly failures: number;
  /** Records that found no room while nothing could be written. */
  readonly lost: number;
}

export class AuditLog implements Audit {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #handle: FileHandle;
  #seq = 0;
  #hash = ZERO_HASH;
  /** Encoded and not written yet; of the first one perhaps a part. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lostUnsaid = 0;
  #records = 0;
  #failures = 0;
  #lost = 0;
  #failing = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  /** One task with the file after the other. */
  #tasks: Promise<void> = Promise.resolve();
  #flushAhead = false;

  private constructor(file: string, handle: FileHandle, clock: Clock, log: Logger) {
    this.#file = file;
    this.#handle = handle;
    this.#clock = clock;
    this.#log = log;
  }

  /** Goes on where the file ends. Rejects with a SternaError of one line. */
  static async open(file: string, clock: Clock, log: Logger): Promise<AuditLog> {
    const { handle, end } = await openFile(file);
    const audit = new AuditLog(file, handle, clock, log);
    audit.#continue(end);
    audit.#flushSoon();
    log.info('audit.opened', { file, seq: audit.#seq, hash: audit.#hash });
    return audit;
  }

  stats(): AuditStats {
    return { records: this.#records, failures: this.#failures, lost: this.#lost };
  }

  record(actor: Actor, action: string, target: AuditTarget, outcome: string): void {
    if (this.#closed) return;
    if (this.#waitingBytes >= WAITING_BYTES_MAX) {
      this.#lost++;
      this.#lostUnsaid++;
      return;
    }
    if (this.#lostUnsaid > 0) {
      const records = this.#lostUnsaid;
      this.#lostUnsaid = 0;
      this.#add(SERVER, 'audit.lost', { records }, 'ok');
    }
    this.#add(actor, action, target, outcome);
    this.#flushSoon();
  }

  /** Begins a new file where the old one was moved away; its first record has the hash of the old one's last. */
  reopen(): Promise<void> {
    return this.#task(async () => {
      await this.#flush();
      if (await this.#inPlace()) return;
      const { handle, end } = await openFile(this.#file);
      // What was recorded meanwhile belongs to the old file.
      try {
        // oxlint-disable-next-line no-await-in-loop -- until nothing has come
        while (this.#waiting.length > 0) await this.#flush();
      } catch (error) {
        await handle.close();
        throw error;
      }
      const old = this.#handle;
      const after = { seq: this.#seq, hash: this.#hash };
      this.#handle = handle;
      if (end.seq > 0 || end.open) this.#continue(end);
      this.#add(SERVER, 'audit.reopened', { after: after.seq, hash: after.hash }, 'ok');
      await this.#flush();
      await old.close();
      this.#log.info('audit.reopened', { file: this.#file, ...after });
    });
  }

  /** Writes what waits, for a moment at most. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#task(() => this.#flush()), late]);
    clearTimeout(timer);
    if (this.#waiting.length > 0) {
      this.#log.error('audit.unwritten', { records: this.#waiting.length });
    } else await this.#handle.close();
    // In a log that is kept elsewhere this proves that nothing was cut off.
    this.#log.info('audit.closed', { seq: this.#seq, hash: this.#hash });
  }

  #add(actor: Actor, action: string, target: AuditTarget, outcome: string): void {
    const [seq, prev] = [this.#seq + 1, this.#hash];
    const time = this.#clock.wall();
    const { line, hash } = encodeRecord({ seq, time, actor, action, target, outcome, prev });
    this.#seq = seq;
    this.#hash = hash;
    this.#records++;
    this.#push(line);
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /** Takes up the chain of a file that is open, and notes what a crash left half-written. */
  #continue({ seq, hash, open: isOpen, torn }: ChainEnd): void {
    this.#seq = seq;
    this.#hash = hash;
    if (isOpen) this.#push(Buffer.from('\n'));
    if (torn === undefined) return;
    this.#add(SERVER, RECOVERED, torn, 'ok');
    this.#log.warn('audit.recovered', { file: this.#file, bytes: torn.bytes });
  }

  #task(run: () => Promise<void>): Promise<void> {
    this.#tasks = this.#tasks.then(run).catch((error: unknown) => this.#failed(error));
    return this.#tasks;
  }

  #flushSoon(): void {
    if (this.#flushAhead || this.#failing) return;
    this.#flushAhead = true;
    void this.#task(async () => {
      this.#flushAhead = false;
      await this.#flush();
    });
  }

  /** Rejects with what is not written still waiting. */
  async #flush(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#failing) return;
    const batch = Buffer.concat(this.#waiting);
    this.#waiting = [batch];
    let from = 0;
    try {
      while (from < batch.length) {
        // oxlint-disable-next-line no-await-in-loop -- the rest of it
        from += (await this.#handle.write(batch, from)).bytesWritten;
      }
    } finally {
      // What has come meanwhile stands behind.
      if (from === batch.length) this.#waiting.shift();
      else this.#waiting[0] = batch.subarray(from);
      this.#waitingBytes -= from;
    }
    await this.#handle.datasync();
    if (this.#failing) this.#log.info('audit.written', { seq: this.#seq });
    this.#failing = false;
  }

  #failed(error: unknown): void {
    this.#failures++;
    if (!this.#failing) this.#log.error('audit.failed', { file: this.#file, err: error });
    this.#failing = true;
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#task(() => this.#flush()), TRY_AGAIN_MS).unref();
  }

  /** Whether the file's name still means the file that is open. */
  async #inPlace(): Promise<boolean> {
    const mine = await this.#handle.stat();
    try {
      const there = await stat(this.#file);
      return there.ino === mine.ino && there.dev === mine.dev;
    } catch {
      return false;
    }
  }
}

async function openFile(file: string): Promise<{ handle: FileHandle; end: ChainEnd }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, FLAGS, MODE);
    const end = (await handle.stat()).isFile() ? await readChainEnd(handle) : null;
    if (end !== null) return { handle, end };
  } catch (error) {
    await handle?.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SternaError('AUDIT_UNAVAILABLE', `audit.file: cannot write ${file}: ${code}`, {
      cause: error,
    });
  }
  await handle.close();
  const why = 'is there and no audit log: nothing was added to it';
  throw new SternaError('AUDIT_UNAVAILABLE', `audit.file: ${file} ${why}`);
}
