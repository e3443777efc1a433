// Where the sums go of what was only read so that it is at hand a little later. What is loaded for one packet, flow or row does not
// depend on another, so the processor waits for the memory of several at once, which it cannot while it works on one after the other.

/** Nobody needs it; but a sum that went nowhere the engine would leave out, and the loading with it. */
export const touched = { sum: 0 }
