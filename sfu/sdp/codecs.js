// The codecs that are forwarded: how an offer names them, when two payload types are interchangeable, and
// which of their parameters an answer repeats. Called by: the reader of payload types. Allocates: texts.
import { h264Profile } from './h264-profile.js';
const FLAG = /^[01]$/;
const NUMBER = /^\d{1,5}$/;
/**
 * RFC 9628 s6: profile 0 unless said otherwise; 2 has more bits a sample. 1 and 3, other than 4:2:0, no
 * camera makes.
 */
const VP9_PROFILES = new Set(['0', '2']);
/**
 * Most wanted first, unless the owner of a track says otherwise: what every browser must decode (RFC 7742
 * s5), then what costs less for the same picture and more of the sender's processor.
 */
export const CODECS = [
    {
        // RFC 7587 s7: always 48000 Hz and two channels, whatever is sent.
        name: 'opus',
        kind: 'audio',
        clockRate: 48_000,
        channels: 2,
        format: () => 'opus',
        kept: [
            ['minptime', NUMBER],
            ['useinbandfec', FLAG],
            ['usedtx', FLAG],
            ['stereo', FLAG],
        ],
    },
    {
        // RFC 2198. Its only parameter is the list of payload types inside, which the reader looks at.
        name: 'red',
        kind: 'audio',
        clockRate: 48_000,
        channels: 2,
        format: () => 'red/opus',
        kept: [],
    },
    {
        // RFC 7741 s6.1: max-fr and max-fs are limits of a decoder, and there is none here.
        name: 'VP8',
        kind: 'video',
        clockRate: 90_000,
        channels: 1,
        format: () => 'VP8',
        kept: [],
    },
    {
        name: 'H264',
        kind: 'video',
        clockRate: 90_000,
        channels: 1,
        format: (parameters) => {
            // RFC 6184 s8.1: without it the mode is 0, which browsers offer besides and nobody prefers.
            if (parameters.get('packetization-mode') !== '1')
                return undefined;
            const profile = h264Profile(parameters.get('profile-level-id'));
            return profile && `H264/${profile}`;
        },
        // RFC 7742 s6.2: the first one is what everyone decodes.
        formats: [
            'H264/constrained-baseline',
            'H264/constrained-high',
            'H264/high',
            'H264/main',
            'H264/baseline',
        ],
        kept: [
            ['level-asymmetry-allowed', FLAG],
            ['packetization-mode', FLAG],
            ['profile-level-id', /^[\dA-Fa-f]{6}$/],
        ],
    },
    {
        name: 'VP9',
        kind: 'video',
        clockRate: 90_000,
        channels: 1,
        format: (parameters) => {
            const profile = parameters.get('profile-id') ?? '0';
            return VP9_PROFILES.has(profile) ? `VP9/${profile}` : undefined;
        },
        formats: ['VP9/0', 'VP9/2'],
        kept: [['profile-id', NUMBER]],
    },
    {
        // AV1 RTP payload format s7.1: profile 0, which is Main, unless said otherwise.
        name: 'AV1',
        kind: 'video',
        clockRate: 90_000,
        channels: 1,
        format: (parameters) => ((parameters.get('profile') ?? '0') === '0' ? 'AV1' : undefined),
        kept: [
            ['level-idx', NUMBER],
            ['profile', NUMBER],
            ['tier', FLAG],
        ],
    },
    {
        // RFC 7798 s7.1: profile 1 (Main) and one stream on one transport unless said otherwise.
        name: 'H265',
        kind: 'video',
        clockRate: 90_000,
        channels: 1,
        format: (parameters) => {
            if ((parameters.get('tx-mode') ?? 'SRST') !== 'SRST')
                return undefined;
            return (parameters.get('profile-id') ?? '1') === '1' ? 'H265' : undefined;
        },
        kept: [
            ['level-id', NUMBER],
            ['profile-id', NUMBER],
            ['tier-flag', FLAG],
            ['tx-mode', /^SRST$/],
        ],
    },
];
/** The parameters of an answer, those of the offer that are kept; '' for none. */
export function keptParameters({ kept }, offered) {
    return kept
        .flatMap(([name, form]) => {
        const value = offered.get(name);
        return value !== undefined && form.test(value) ? [`${name}=${value}`] : [];
    })
        .join(';');
}
//# sourceMappingURL=codecs.js.map