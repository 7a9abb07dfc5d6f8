// The profile of an H.264 stream in its profile-level-id (RFC 6184 s8.1, table 5).
/** The first one that fits. */
const PATTERNS = [
    { idc: 0x42, mask: 0b0100_1111, iop: 0b0100_0000, profile: 'constrained-baseline' },
    { idc: 0x4d, mask: 0b1000_1111, iop: 0b1000_0000, profile: 'constrained-baseline' },
    { idc: 0x58, mask: 0b1100_1111, iop: 0b1100_0000, profile: 'constrained-baseline' },
    { idc: 0x42, mask: 0b0100_1111, iop: 0b0000_0000, profile: 'baseline' },
    { idc: 0x58, mask: 0b1100_1111, iop: 0b1000_0000, profile: 'baseline' },
    { idc: 0x4d, mask: 0b1010_1111, iop: 0b0000_0000, profile: 'main' },
    { idc: 0x64, mask: 0b1111_1111, iop: 0b0000_1100, profile: 'constrained-high' },
    { idc: 0x64, mask: 0b1111_1111, iop: 0b0000_0000, profile: 'high' },
];
/** RFC 6184 s8.1: what an absent profile-level-id means, the Baseline profile at level 1. */
const DEFAULT_PROFILE_LEVEL_ID = '420010';
/** Undefined for another profile, or what is no profile-level-id. */
export function h264Profile(profileLevelId = DEFAULT_PROFILE_LEVEL_ID) {
    if (!/^[\dA-Fa-f]{6}$/.test(profileLevelId))
        return undefined;
    const idc = Number.parseInt(profileLevelId.slice(0, 2), 16);
    const iop = Number.parseInt(profileLevelId.slice(2, 4), 16);
    return PATTERNS.find((one) => one.idc === idc && one.iop === (iop & one.mask))?.profile;
}
//# sourceMappingURL=h264-profile.js.map