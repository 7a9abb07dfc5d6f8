// The selective forwarding unit as the rest of the process sees it.

export { Sfu, type SfuStats } from './sfu.ts';
