// DTLS listeners on the engine of a world, and clients of theirs.

import { createDtlsCertificate } from '../../../sfu/dtls/certificate.ts';
import type { AddressFamily, TransportAddress } from '../../../shared/net/transport-address.ts';
import type { PemCertificate } from '../../../turn/dtls-certificate.ts';
import { DtlsClients } from '../../../turn/dtls-clients.ts';
import { type ClientOptions, TurnClient } from './client.ts';
import { DtlsCaller } from './dtls-caller.ts';
import { address, type World } from './world.ts';

/** A fresh self-signed one with an EC key, as PEM. */
export function pemCertificate(): PemCertificate {
  const { certificate, privateKey } = createDtlsCertificate(Date.now());
  return { cert: pem('CERTIFICATE', certificate), key: pem('PRIVATE KEY', privateKey) };
}

export function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${lines?.join('\n')}\n-----END ${label}-----\n`;
}

export class DtlsWorld<W extends World = World> {
  readonly world: W;
  readonly clients: DtlsClients;
  readonly listener4: TransportAddress;
  readonly listener6: TransportAddress;
  readonly #callers: DtlsCaller[] = [];

  private constructor(world: W, certificate: PemCertificate, [v4, v6]: readonly [string, string]) {
    this.world = world;
    this.listener4 = address(v4);
    this.listener6 = address(v6);
    const { engine, server, options } = world;
    const now = options.clock.monotonic();
    const cap = options.commons.unauthenticatedCap;
    this.clients = new DtlsClients({ engine, server, cap, certificate, now });
  }

  static async open<W extends World>(
    world: W,
    certificate: PemCertificate = pemCertificate(),
    hosts: readonly [string, string] = ['127.0.0.1', '::1'],
  ): Promise<DtlsWorld<W>> {
    const made = new DtlsWorld(world, certificate, hosts);
    const { listener4, listener6, clients } = made;
    const opened = new Promise<void>((resolve) => {
      const six = { address: listener6, dualStack: listener6.isUnspecified };
      clients.listen([{ address: listener4 }, six], (results) => {
        for (const [i, own] of [listener4, listener6].entries()) {
          own.set(results[i]!.address);
        }
        resolve();
      });
    });
    await world.settle();
    await opened;
    return made;
  }

  async caller(family: AddressFamily = 4): Promise<DtlsCaller> {
    const server = family === 4 ? this.listener4 : this.listener6;
    return this.callerAt(await this.world.endpoint(family), server);
  }

  callerAt(endpoint: DtlsCaller['endpoint'], server = this.listener4): DtlsCaller {
    const caller = new DtlsCaller(endpoint, server);
    this.#callers.push(caller);
    return caller;
  }

  /** A TURN client whose handshake is done and that has its nonce. */
  async client(options: ClientOptions = {}): Promise<TurnClient> {
    const caller = await (await this.caller(options.family)).connect();
    const client = new TurnClient(caller, caller.server, options);
    await client.challenge();
    return client;
  }

  close(): void {
    this.clients.close();
    for (const caller of this.#callers) caller.free();
  }
}

/** For `onBoth` and `onCore`: the body of a test that has DTLS listeners as well. */
export function overDtls<W extends World>(
  body: (dtls: DtlsWorld<W>) => Promise<void>,
): (world: W) => Promise<void> {
  return async (world) => {
    const dtls = await DtlsWorld.open(world);
    try {
      await body(dtls);
    } finally {
      dtls.close();
    }
  };
}
