/**
 * The profiles that browsers and hardware encoders have. Constrained High is in H.264 itself (annex
 * A.2.4.2) and not yet in the table.
 */
export type H264Profile = 'constrained-baseline' | 'baseline' | 'main' | 'constrained-high' | 'high';
/** Undefined for another profile, or what is no profile-level-id. */
export declare function h264Profile(profileLevelId?: string): H264Profile | undefined;
