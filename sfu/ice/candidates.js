// The host candidates of an answer (RFC 8445 s5.2, RFC 6544 s4) and their lines in SDP (RFC 8839 s5.1).
// Called by: who writes the answer. Allocates: the candidates.
/** RTP and RTCP share one component (RFC 8445 s5.2). */
const COMPONENT = 1;
/** RFC 8445 s5.1.2.2. */
const TYPE_PREFERENCE_HOST = 126;
/** RFC 8445 s5.1.2.1. */
const LOCAL_PREFERENCE_MAX = 0xffff;
/** RFC 6544 s4.2: of a passive candidate. Below UDP's local preference, whatever is added. */
const DIRECTION_PREFERENCE_PASSIVE = 4;
const OTHER_PREFERENCE_MAX = 8191;
/**
 * One candidate for each listener, the first ones preferred (departs from the precedences of RFC 6724 that
 * RFC 8445 s5.2 proposes: who configures the addresses knows better). `announced` addresses stand in for the
 * listeners' own behind a NAT: each for all listeners of its family, with their port where it has none. An
 * unspecified address is no candidate.
 */
export function hostCandidates(listeners, announced = []) {
    const foundations = new Map();
    const seen = new Set();
    const preferences = { udp: 0, tcp: 0 };
    const candidates = [];
    for (const { transport, address } of reachable(listeners, announced)) {
        const name = `${transport} ${address.toString()}`;
        if (isUnspecified(address) || seen.has(name))
            continue;
        seen.add(name);
        // RFC 8445 s5.1.1.3: the same for the same address and transport, and for no other.
        const base = `${transport} ${address.host}`;
        const foundation = foundations.get(base) ?? String(foundations.size + 1);
        foundations.set(base, foundation);
        const priority = priorityOf(transport, preferences[transport]++);
        candidates.push({ transport, address, foundation, priority });
    }
    return candidates;
}
/** The value of a `candidate` attribute, without `a=` (RFC 8839 s5.1, RFC 6544 s4.5). */
export function formatCandidate({ transport, address, foundation, priority, }) {
    const line = `candidate:${foundation} ${COMPONENT} ${transport} ${priority} ${address.host} ${address.port} typ host`;
    return transport === 'tcp' ? `${line} tcptype passive` : line;
}
function reachable(listeners, announced) {
    if (announced.length === 0)
        return listeners;
    return announced.flatMap((outside) => listeners
        .filter(({ address }) => address.family === outside.family)
        .map(({ transport, address: { port } }) => {
        const address = outside.copy();
        if (address.port === 0)
            address.port = port;
        return { transport, address };
    }));
}
/** RFC 8445 s5.1.2.1 and RFC 6544 s4.2, for the n-th candidate of a transport. */
function priorityOf(transport, n) {
    const local = transport === 'udp'
        ? LOCAL_PREFERENCE_MAX - n
        : DIRECTION_PREFERENCE_PASSIVE * 2 ** 13 + OTHER_PREFERENCE_MAX - n;
    return TYPE_PREFERENCE_HOST * 2 ** 24 + local * 2 ** 8 + (256 - COMPONENT);
}
function isUnspecified({ w0, w1, w2, w3 }) {
    return (w0 | w1 | w2 | w3) === 0;
}
//# sourceMappingURL=candidates.js.map