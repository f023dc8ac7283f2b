/** Round half to even, as Python and NumPy do. */
function round(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function joined(parts) {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

/**
 * Return labels with their scores, the best first.
 * @param ort onnxruntime-web or onnxruntime-node
 * @param session an InferenceSession of model.onnx
 * @param input what `prepare` takes
 */
export async function predict(ort, session, input, preparation, labels) {
  const { data, shape } = prepare(input, preparation);
  const { scores } = await session.run({ windows: new ort.Tensor("float32", data, shape) }, ["scores"]);
  const [n, size] = scores.dims;
  return labels
    .map((label, k) => {
      let sum = 0;
      for (let i = 0; i < n; i += 1) sum += scores.data[i * size + k];
      return { label, score: sum / n };
    })
    .sort((a, b) => b.score - a.score);
}
