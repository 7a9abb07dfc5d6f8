// A few bytes outside the heap that one operation works with: the associated data of SRTCP, or a tag that is to be
// compared. One arena for all keys of a thread, which is never freed: the views of an arena are given back by libuv's
// loop, to which a media worker never returns. Called by: the transforms. Allocates: once.

import { Arena } from '../../shared/native/arena.ts';

const BYTES = 16;

let made: Arena | undefined;

export function srtpScratch(): Arena {
  made ??= new Arena(BYTES);
  return made;
}
