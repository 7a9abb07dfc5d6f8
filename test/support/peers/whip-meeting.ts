// A server that forwards media, for tests with WHIP and WHEP clients of others: on loopback and on the address of this
// machine, since libnice and aiortc have no candidates on loopback.

import { networkInterfaces } from 'node:os';
import { API_KEY, Sterna } from '../e2e/sterna.ts';
import type { Resource } from './scripted-peer.ts';

/** What the clients' host candidates are: of the first interface that is not loopback. */
export function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (own === undefined) throw new Error('this machine has no IPv4 address but loopback');
  return own.address;
}

export class WhipMeeting {
  readonly sterna: Sterna;

  private constructor(sterna: Sterna) {
    this.sterna = sterna;
  }

  static async start(engine: 'auto' | 'portable' = 'auto'): Promise<WhipMeeting> {
    const sterna = await Sterna.start({
      config: {
        engine,
        workers: 1,
        sfu: { addresses: [ownAddress()], port: 0, tcpPort: 0 },
        turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of thirty-two characters'] },
      },
    });
    return new WhipMeeting(sterna);
  }

  publish(room: string, identity: string): Resource {
    return this.#resource(`whip/${room}?identity=${identity}`);
  }

  play(room: string, participant?: string): Resource {
    const query = participant === undefined ? '' : `?participant=${participant}`;
    return this.#resource(`whep/${room}${query}`);
  }

  /** Resolves when the room is told that it is over, with the reason. */
  async ended(identity: string): Promise<string> {
    const [line] = await this.sterna.waitForEvents('whip.ended', 1, (one) => {
      return one['identity'] === identity;
    });
    return String(line?.['reason']);
  }

  stop(): Promise<void> {
    return this.sterna.stop();
  }

  #resource(path: string): Resource {
    const bearer = `${API_KEY.name}:${API_KEY.secret}`;
    return { url: `${this.sterna.url}/v1/${path}`, bearer };
  }
}
