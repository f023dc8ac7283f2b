// Hands what the microphone hears to the page, in pieces of 2,048 frames.

const FRAMES = 2048;

class Forward extends AudioWorkletProcessor {
  #piece = new Float32Array(FRAMES);
  #filled = 0;

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    for (const sample of samples) {
      this.#piece[this.#filled++] = sample;
      if (this.#filled === FRAMES) {
        this.port.postMessage(this.#piece, [this.#piece.buffer]);
        this.#piece = new Float32Array(FRAMES);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("forward", Forward);
