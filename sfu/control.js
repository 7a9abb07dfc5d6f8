// What the thread that answers offers tells a media worker of the SFU, and what it hears back: plain values that a
// structured clone carries, one type each way. Whoever answers has chosen every number before, so nobody waits.
export {};
//# sourceMappingURL=control.js.map