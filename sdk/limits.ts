// Every bound and pause of the SDK in one place, each with what it protects from. Milliseconds unless named
// otherwise.

/** Requests waiting for the server's answer: what may pile up while the socket is lost. */
export const PENDING_REQUESTS_MAX = 512;
export const PENDING_BYTES_MAX = 1_048_576;
/** Requests without an answer at once; the server remembers 256 replies for those that are sent again. */
export const IN_FLIGHT_MAX = 128;
/** How often a request is sent again after RATE_LIMITED. */
export const RATE_LIMITED_RETRIES_MAX = 5;
/** The pause after RATE_LIMITED when the server names none. */
export const RATE_LIMITED_PAUSE_MS = 1_000;
/** We stay this far below the server's message rate, since its clock and ours differ. */
export const RATE_SHARE = 0.8;

/**
 * Attempts of the first join before it is refused: 0, 300 and 1200 ms, so a wrong URL shows within two
 * seconds.
 */
export const FIRST_JOIN_ATTEMPTS = 3;
/** One attempt, from opening the socket to `joined`. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/** After a loss we try this long by default; the server keeps a session for 30 s. */
export const RECONNECT_FOR_MS = 120_000;
export const BACKOFF_MAX_MS = 10_000;
/**
 * A connection shorter than this does not reset the back-off: a join that is thrown out at once must not
 * spin.
 */
export const STABLE_AFTER_MS = 5_000;
/** The longest pause that a server can ask for in `bye.afterMs`. */
export const BYE_WAIT_MAX_MS = 60_000;
/** Fresh TURN credentials are fetched this long before the old ones end. */
export const ICE_RENEW_EARLY_MS = 60_000;
/** setTimeout's range is 2^31-1 ms; a longer pause would fire at once. */
export const TIMER_MAX_MS = 2_147_483_647;

/** Signals from participants that `people` has not named yet (it is coalesced by the server). */
export const EARLY_SIGNALS_MAX = 256;
export const EARLY_SIGNALS_PER_SENDER = 64;
export const EARLY_SIGNAL_TTL_MS = 5_000;

/** Remote signals of one link that wait for the browser's asynchronous calls. */
export const LINK_QUEUE_MAX = 256;
/** Remote candidates that wait for a remote description. */
export const LINK_CANDIDATES_MAX = 128;
/** The newcomer offers; when nothing came after this, the other side does. */
export const OFFER_WAIT_MS = 5_000;
/** An offer without an answer is sent again. */
export const ANSWER_WAIT_MS = 8_000;
export const OFFER_RESENDS_MAX = 5;
/** `disconnected` often heals by itself within a few consent checks (RFC 7675), so a restart waits. */
export const DISCONNECTED_GRACE_MS = 4_000;
/** The polite side leaves the restart to the other one for this long, to avoid glare. */
export const POLITE_RESTART_WAIT_MS = 1_500;
export const RESTART_WAIT_MAX_MS = 30_000;
/** A restart that did not connect in this time counts as failed. */
export const RESTART_CHECK_MS = 10_000;
/** The selected pair is read this often: the type of a candidate may change without an event. */
export const PATH_POLL_MS = 2_000;
/** Decoded frames are polled this often, and so many times, until the first one. */
export const FIRST_FRAME_POLL_MS = 25;
export const FIRST_FRAME_POLLS_MAX = 400;

/** In a room of mode `auto`: how often arrivals are compared while media changes its way, and while it does not. */
export const LOOK_MS = 100;
export const LOOK_STEADY_MS = 250;
/** So many frames, or packets of sound, make a way one to show: the first ones come late, as rates are being found. */
export const FLOWS_FROM = { audio: 5, video: 4 } as const;
/** A direct way that is not found after this is given up. */
export const LINK_CONNECT_MS = 10_000;
/** No packet of sound for so long: the direct way is dead. Browsers send sound, or silence, every 20 ms. */
export const LINK_SILENCE_MS = 1_000;
/** The other one may show what comes directly for so long after we do not. */
export const DRAIN_MAX_MS = 10_000;
/** As the server judges it: louder than -35 dBov counts as speech, and a second longer than it is heard. */
export const SPEECH_LEVEL_MIN = 0.0178;
export const SPEECH_HANGOVER_MS = 1_000;

/** Receive slots in the first offer: what a small room needs, at some 2 kB of SDP for a picture. */
export const FIRST_SLOTS = { audio: 2, video: 4 } as const;
/** Receive slots that there may be unless the application says otherwise: an offer of them has 32 kB. */
export const SLOTS_WANTED = { audio: 8, video: 12 } as const;
/** Without a direct way to the server after this, its relays are tried as well. */
export const RELAY_AFTER_MS = 4_000;
/** So many ICE restarts in vain, and the connection to the server is made anew. */
export const RESTARTS_MAX = 2;
/** The pause before it is made anew after a failure; twice as long each time. */
export const RESET_WAIT_MS = 1_000;

/** What is shown larger is told after this, so that a new layout is one message; what is shown smaller later. */
export const SIZE_LARGER_MS = 100;
export const SIZE_SMALLER_MS = 1_500;
/** Sizes are told in steps of so many pixels. */
export const SIZE_STEP_PX = 32;
/** A screen that has more pixels to a CSS pixel than this does not look better for it. */
export const PIXEL_RATIO_MAX = 2;
/** A change of encodings that the browser refuses is tried again so often. */
export const ENCODINGS_RETRIES_MAX = 3;
export const ENCODINGS_RETRY_MS = 300;

/** What pages leave in sessionStorage begins with this. */
export const STAY_NAME = 'sterna.session';
/** A page that goes is back by then, or was closed: the others should not look at somebody who is gone for longer. */
export const BACK_MS = 5_000;

/** Calls of one's own without a result, and handlers that run for others: in all, and for one of them. */
export const RPC_CALLS_MAX = 256;
export const RPC_RUNS_MAX = 128;
export const RPC_RUNS_PER_CALLER_MAX = 32;
export const RPC_TIMEOUT_MS = 10_000;
export const RPC_TIMEOUT_MAX_MS = 300_000;
export const RPC_METHOD_CHARS_MAX = 128;
/** Of what is wrong, in words. */
export const RPC_TEXT_CHARS_MAX = 256;
/** The first line of a message: names and words of the lengths above, in UTF-8 and escaped. */
export const RPC_HEAD_BYTES_MAX = 4_096;

/** A join waits so long for media, by default. */
export const MEDIA_WAIT_MS = 10_000;
/** Data that comes before the application has its room. */
export const EARLY_DATA_MAX = 1_024;

/** What a diagnosis compares lies so far apart. */
export const DIAGNOSIS_MS = 1_000;
/** Shares of packets: to be heard of, and to be heard. */
export const LOSS_NOTED = 0.03;
export const LOSS_BAD = 0.1;
/** Conversations become difficult (ITU-T G.114 names 400 ms one way), and impossible. */
export const ROUND_TRIP_NOTED_MS = 400;
export const ROUND_TRIP_BAD_MS = 1_000;
/** Less than one small picture and sound need. */
export const UPLOAD_NARROW_BPS = 200_000;
/** The server forgives a token as much. */
export const CLOCK_WRONG_MS = 60_000;
