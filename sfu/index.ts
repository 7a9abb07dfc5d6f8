// The selective forwarding unit as the rest of the process sees it.

export { Sfu, type SfuOptions, type SfuStats } from './sfu.ts';
