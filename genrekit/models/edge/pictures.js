// Genres of a picture from its pixels: the preparation of an exported model in plain JavaScript, without dependencies.
// The graph is run by onnxruntime-web, onnxruntime-node or another runtime that the caller passes in.

const SUPPORT = 2; // of the bicubic filter, in pixels of the smaller picture
const ONE = 2 ** 22; // weights are whole numbers of this part, so that a tie rounds as in Pillow

function bicubic(x) {
  const a = Math.abs(x);
  if (a < 1) return (1.5 * a - 2.5) * a * a + 1;
  return a < 2 ? ((-0.5 * a + 2.5) * a - 4) * a + 2 : 0;
}

/** For each of n results: the first source that it is made of, and the weights of that and the next ones. */
function weights(from, to, n, limit) {
  const scale = (to - from) / n;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: n }, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - SUPPORT * stretch + 0.5));
    const last = Math.min(limit, Math.trunc(centre + SUPPORT * stretch + 0.5));
    const found = Array.from({ length: last - first }, (__, k) => bicubic((k + first - centre + 0.5) / stretch));
    const sum = found.reduce((a, b) => a + b, 0);
    return [first, found.map((value) => Math.sign(value) * Math.floor((Math.abs(value) / sum) * ONE + 0.5))];
  });
}

const byte = (value) => Math.max(0, Math.min(255, Math.floor(value + 0.5)));

/** Resize a picture of four bytes per pixel: its columns, then its rows, rounded to bytes in between. */
function resize({ data, width, height }, box, size) {
  const wide = new Uint8Array(size[0] * height * 4);
  weights(box[0], box[2], size[0], width).forEach(([first, found], x) => {
    for (let y = 0; y < height; y += 1) {
      for (let c = 0; c < 4; c += 1) {
        const sum = found.reduce((total, weight, k) => total + weight * data[(y * width + first + k) * 4 + c], 0);
        wide[(y * size[0] + x) * 4 + c] = byte(sum / ONE);
      }
    }
  });
  const small = new Uint8Array(size[0] * size[1] * 4);
  const row = size[0] * 4;
  weights(box[1], box[3], size[1], height).forEach(([first, found], y) => {
    for (let i = 0; i < row; i += 1) {
      const sum = found.reduce((total, weight, k) => total + weight * wide[(first + k) * row + i], 0);
      small[y * row + i] = byte(sum / ONE);
    }
  });
  return { data: small, width: size[0], height: size[1] };
}

/** Average blocks of pixels, which is quick, so that a filter has little left to do. */
function reduce({ data, width }, [left, top, right, bottom], [fx, fy]) {
  const w = Math.ceil((right - left) / fx);
  const h = Math.ceil((bottom - top) / fy);
  const small = new Uint8Array(w * h * 4);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const [x0, y0] = [left + x * fx, top + y * fy];
      const [x1, y1] = [Math.min(x0 + fx, right), Math.min(y0 + fy, bottom)];
      for (let c = 0; c < 4; c += 1) {
        let sum = 0;
        for (let j = y0; j < y1; j += 1) for (let i = x0; i < x1; i += 1) sum += data[(j * width + i) * 4 + c];
        small[(y * w + x) * 4 + c] = byte(sum / ((x1 - x0) * (y1 - y0)));
      }
    }
  }
  return { data: small, width: w, height: h };
}

/** Premultiply the colours by the transparency. */
function premultiplied({ data, width, height }) {
  const found = Uint8Array.from(data);
  for (let i = 0; i < found.length; i += 4) {
    const alpha = found[i + 3];
    if (alpha === 255) continue;
    for (let c = 0; c < 3; c += 1) {
      const product = found[i + c] * alpha + 128;
      found[i + c] = ((product >> 8) + product) >> 8;
    }
  }
  return { data: found, width, height };
}

function scaled(given, p) {
  const sides = [given.width, given.height];
  const short = Math.min(...sides);
  const kept = sides.map((side) => Math.min(side, p.max_aspect * short));
  const size = kept.map((side) => Math.max(p.size, Math.min(p.max_aspect * p.size, round((p.size * side) / short))));
  if (sides.every((side, k) => side === size[k])) return given;
  const start = sides.map((side, k) => (side - kept[k]) / 2);
  let box = [start[0], start[1], start[0] + kept[0], start[1] + kept[1]];
  let picture = given;
  const factor = kept.map((side, k) => Math.floor(side / size[k] / p.reducing_gap) || 1);
  if (factor[0] > 1 || factor[1] > 1) {
    const more = kept.map((side, k) => ((SUPPORT - 0.5) * side) / size[k]);
    const safe = [
      Math.max(0, Math.trunc(box[0] - more[0])),
      Math.max(0, Math.trunc(box[1] - more[1])),
      Math.min(sides[0], Math.ceil(box[2] + more[0])),
      Math.min(sides[1], Math.ceil(box[3] + more[1])),
    ];
    picture = reduce(given, safe, factor);
    box = box.map((place, k) => (place - safe[k % 2]) / factor[k % 2]);
  }
  return resize(picture, box, size);
}

/** A square at positions from 0 (top, left) to 1, as red, green and blue planes on white. */
function square({ data, width, height }, side, down, right, mirrored) {
  const top = round((height - side) * down);
  const left = round((width - side) * right);
  const planes = new Float32Array(3 * side * side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const from = ((top + y) * width + left + (mirrored ? side - 1 - x : x)) * 4;
      for (let c = 0; c < 3; c += 1) {
        planes[(c * side + y) * side + x] = Math.min(255, data[from + c] + 255 - data[from + 3]);
      }
    }
  }
  return planes;
}

/**
 * Return the input of the graph for a picture.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image ImageData: upright, four bytes per pixel
 * @param {object} preparation the content of preparation.json
 */
export function prepare(image, preparation) {
  const { crop, places, mirrored } = preparation;
  const picture = scaled(premultiplied(image), preparation);
  const turns = mirrored ? [false, true] : [false];
  const found = turns.flatMap((turn) => places.map(([down, right]) => square(picture, crop, down, right, turn)));
  return { data: joined(found), shape: [found.length, 3, crop, crop] };
}

/** Return the pixels of a file, upright; browsers decode by themselves. */
export async function pixels(file) {
  const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
