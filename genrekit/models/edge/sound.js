// Genres of a song from its samples: the preparation of an exported model in plain JavaScript, without dependencies.
// The graph is run by onnxruntime-web, onnxruntime-node or another runtime that the caller passes in.

const SILENT_BELOW = 2 ** -15; // one step of a 16-bit sample

function spread(last, count) {
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => round((i * last) / (count - 1)));
}

function isSilent(y) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of y) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return !(high - low > 2 * SILENT_BELOW);
}

/** Return n samples: y from its start, repeated as often as needed. */
function repeated(y, n) {
  const found = new Float32Array(n);
  for (let i = 0; i < n; i += 1) found[i] = y[i % y.length];
  return found;
}

/** Transform 2^k complex values in place. */
function fft(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k += 1) {
      const cos = Math.cos((-2 * Math.PI * k) / size);
      const sin = Math.sin((-2 * Math.PI * k) / size);
      for (let a = k; a < n; a += size) {
        const b = a + half;
        const x = re[b] * cos - im[b] * sin;
        const z = re[b] * sin + im[b] * cos;
        re[b] = re[a] - x;
        im[b] = im[a] - z;
        re[a] += x;
        im[a] += z;
      }
    }
  }
}

function hann(n, length) {
  const window = new Float64Array(length);
  const before = Math.floor((length - n) / 2);
  for (let i = 0; i < n; i += 1) window[before + i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n);
  return window;
}

function hzToMel(hz, scale) {
  if (scale === "htk") return 2595 * Math.log10(1 + hz / 700);
  return hz < 1000 ? (hz * 3) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4);
}

function melToHz(mel, scale) {
  if (scale === "htk") return 700 * (10 ** (mel / 2595) - 1);
  return mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp(((mel - 15) * Math.log(6.4)) / 27);
}

/** Triangular filters as lists of (bin, weight) per band. */
function melFilters({ sr, n_fft, n_mels, fmin, fmax, mel_scale, equal_area }) {
  const low = hzToMel(fmin, mel_scale);
  const high = hzToMel(fmax, mel_scale);
  const edges = Array.from({ length: n_mels + 2 }, (_, i) => melToHz(low + ((high - low) * i) / (n_mels + 1), mel_scale));
  return Array.from({ length: n_mels }, (_, band) => {
    const [left, centre, right] = edges.slice(band, band + 3);
    const found = [];
    for (let bin = 0; bin <= n_fft / 2; bin += 1) {
      const hz = (bin * sr) / n_fft;
      const weight = Math.min((hz - left) / (centre - left), (right - hz) / (right - centre));
      if (weight > 0) found.push([bin, equal_area ? (weight * 2) / (right - left) : weight]);
    }
    return found;
  });
}

/** Mel energies, one Float32Array of n_mels per frame; frames are centred. */
function mel(y, p, hop) {
  const filters = melFilters(p);
  const window = hann(p.win_length, p.n_fft);
  const half = p.n_fft / 2;
  const period = 2 * (y.length - 1);
  const at = (i) => {
    if (i >= 0 && i < y.length) return y[i];
    if (p.pad_mode === "constant") return 0;
    const k = ((i % period) + period) % period;
    return y[k < y.length ? k : period - k];
  };
  const frames = [];
  const re = new Float64Array(p.n_fft);
  const im = new Float64Array(p.n_fft);
  const energy = new Float64Array(half + 1);
  for (let start = 0; start <= y.length; start += hop) {
    for (let i = 0; i < p.n_fft; i += 1) re[i] = at(start - half + i) * window[i];
    im.fill(0);
    fft(re, im);
    for (let bin = 0; bin <= half; bin += 1) {
      const squared = re[bin] ** 2 + im[bin] ** 2;
      energy[bin] = p.power === 2 ? squared : Math.sqrt(squared);
    }
    frames.push(Float32Array.from(filters, (filter) => filter.reduce((sum, [bin, weight]) => sum + weight * energy[bin], 0)));
  }
  return frames;
}

/** Windows of an encoder: patches of absolute levels. */
function patches(y, p) {
  const windows = [];
  const count = Math.max(1, round(y.length / (p.window_s * p.sr)));
  for (let i = 0; i < count; i += 1) {
    const a = round((i * y.length) / count);
    const b = round(((i + 1) * y.length) / count);
    if (!isSilent(y.subarray(a, b))) windows.push([a, b]);
  }
  if (!windows.length) throw new Error("The song is silent.");
  const kept = windows.length > p.max_windows ? spread(windows.length - 1, p.max_windows).map((i) => windows[i]) : windows;
  const patchSeconds = (p.patch * p.hop_length) / p.sr;
  const nPatches = Math.max(1, Math.min(p.patches, Math.floor((windows[0][1] - windows[0][0]) / p.sr / patchSeconds)));
  const data = kept.flatMap(([a, b]) => {
    const factor = gain(y, a, b, p);
    return patchesOf(y.subarray(a, b).map((value) => value * factor), p, nPatches);
  });
  return { data: joined(data), shape: [kept.length, nPatches, p.patch, p.n_mels] };
}

function gain(y, a, b, p) {
  if (p.level_dbfs === null) return 1;
  const half = round((p.reference_s * p.sr) / 2);
  const middle = Math.floor((a + b) / 2);
  const around = y.subarray(Math.max(0, Math.min(a, middle - half)), Math.max(b, middle + half));
  let sum = 0;
  for (const value of around) sum += value * value;
  const rms = Math.sqrt(sum / around.length);
  return Math.fround(Math.min(1e6, 10 ** (p.level_dbfs / 20) / rms));
}

function patchesOf(given, p, count) {
  const needed = p.patch * p.hop_length;
  const y = given.length < needed ? repeated(given, needed) : given;
  const logarithms = { log10: Math.log10, ln: Math.log, db: (x) => 10 * Math.log10(x), none: (x) => x };
  const log = logarithms[p.log];
  const long = mel(y, p, p.hop_length).map((frame) => frame.map((value) => log(p.gain * value + p.offset)));
  const starts = spread(long.length - p.patch, Math.max(count, Math.floor((4 * long.length) / p.patch)));
  const heard = starts.filter((s) => !isSilent(y.subarray(s * p.hop_length, (s + p.patch) * p.hop_length)));
  const from = heard.length ? heard : starts;
  return spread(from.length - 1, count).map((i) => joined(long.slice(from[i], from[i] + p.patch)));
}

/** Windows of a spectrogram model: levels in dB below the loudest value of a block. */
function spectrograms(y, p) {
  const found = [];
  for (const [start, stop] of blocks(y.length, p)) {
    const part = y.subarray(start, stop);
    if (part.length < 2 || isSilent(part)) continue;
    const power = mel(part, p, p.hop_length);
    const dense = p.hop_length <= p.n_fft / 4 ? power : mel(part, p, p.n_fft / 4);
    let loudest = 1e-10;
    for (const frame of dense) for (const value of frame) if (value > loudest) loudest = value;
    const top = 10 * Math.log10(loudest);
    const level = (value) => Math.min(0, Math.max(-p.top_db, 10 * Math.log10(Math.max(value, 1e-10)) - top));
    const levels = power.map((frame) => frame.map(level));
    for (const [a, b] of spans(levels.length, p.n_frames, p.overlap)) {
      const window = levels.slice(a, b);
      const from = start / p.sr + (a * p.hop_length) / p.sr;
      const to = start / p.sr + Math.min((b * p.hop_length) / p.sr, part.length / p.sr);
      if (isFlat(window) || isSilent(y.subarray(round(from * p.sr), round(to * p.sr)))) continue;
      found.push(bandMajor(window, p));
    }
  }
  if (!found.length) throw new Error("The song is silent.");
  const kept = found.length > p.max_windows ? spread(found.length - 1, p.max_windows).map((i) => found[i]) : found;
  return { data: joined(kept), shape: [kept.length, p.n_mels, p.n_frames] };
}

function blocks(n, p) {
  const size = Math.max(1, round(Math.max(p.reference_s, p.window_s) * p.sr));
  const starts = [];
  for (let start = 0; start < Math.max(n, 1); start += size) starts.push(start);
  if (starts.length > 1 && n - starts[starts.length - 1] < (p.window_s * p.sr) / 2) starts.pop();
  return starts.map((start, i) => [start, i + 1 < starts.length ? starts[i + 1] : n]);
}

function spans(n, size, overlap) {
  if (n < size) return [[0, n]];
  const step = Math.max(1, round(size * (1 - overlap)));
  const cuts = [];
  for (let start = 0; start + size <= n; start += step) cuts.push([start, start + size]);
  const last = cuts[cuts.length - 1];
  if (n - last[1] >= step / 2) cuts.push([last[0] + step, n]);
  else if (n - last[1] < size / 20) last[1] = n;
  return cuts;
}

function isFlat(window) {
  const first = window[0][0];
  return window.every((frame) => frame.every((value) => value === first));
}

function bandMajor(window, p) {
  const data = new Float32Array(p.n_mels * p.n_frames);
  for (let band = 0; band < p.n_mels; band += 1) {
    for (let t = 0; t < p.n_frames; t += 1) data[band * p.n_frames + t] = window[t % window.length][band];
  }
  return data;
}

/**
 * Return the input of the graph for a song.
 * @param {Float32Array} y mono samples at preparation.sr
 * @param {object} preparation the content of preparation.json
 * @returns {{data: Float32Array, shape: number[]}}
 */
export function prepare(y, preparation) {
  return { patches, spectrograms }[preparation.kind](y, preparation);
}

/** Return the mono samples of a decoded AudioBuffer at a rate; browsers resample by themselves. */
export async function samples(buffer, sr) {
  const context = new OfflineAudioContext(1, Math.ceil(buffer.duration * sr), sr);
  const mono = new AudioBuffer({ length: buffer.length, sampleRate: buffer.sampleRate, numberOfChannels: 1 });
  const mixed = mono.getChannelData(0);
  for (let c = 0; c < buffer.numberOfChannels; c += 1) {
    buffer.getChannelData(c).forEach((value, i) => { mixed[i] += value / buffer.numberOfChannels; });
  }
  const source = new AudioBufferSourceNode(context, { buffer: mono });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}
