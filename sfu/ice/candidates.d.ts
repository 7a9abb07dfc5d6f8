import type { TransportAddress } from '../../shared/net/transport-address.ts';
export type IceTransport = 'udp' | 'tcp';
/** Where the server listens for media. */
export interface MediaListener {
    readonly transport: IceTransport;
    readonly address: TransportAddress;
}
export interface IceCandidate extends MediaListener {
    readonly foundation: string;
    readonly priority: number;
}
/**
 * One candidate for each listener, the first ones preferred (departs from the precedences of RFC 6724 that
 * RFC 8445 s5.2 proposes: who configures the addresses knows better). `announced` addresses stand in for the
 * listeners' own behind a NAT: each for all listeners of its family, with their port where it has none. An
 * unspecified address is no candidate.
 */
export declare function hostCandidates(listeners: readonly MediaListener[], announced?: readonly TransportAddress[]): IceCandidate[];
/** The value of a `candidate` attribute, without `a=` (RFC 8839 s5.1, RFC 6544 s4.5). */
export declare function formatCandidate({ transport, address, foundation, priority, }: IceCandidate): string;
