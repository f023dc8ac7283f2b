// Genres of a row of features: the preparation of an exported model in plain JavaScript, without dependencies.
// The graph is run by onnxruntime-web, onnxruntime-node or another runtime that the caller passes in.

const DERIVED = {
  fraction: (x) => x - Math.floor(x),
  over_level: (x, db) => x / 10 ** (db / 20),
};

/**
 * Return the input of the graph for a row.
 * @param {Object<string, number>} row numbers by the names in preparation.columns
 * @param {object} preparation the content of preparation.json
 */
export function prepare(row, preparation) {
  const { columns, derived, required } = preparation;
  const missing = columns.filter((name) => !Number.isFinite(row[name] ?? NaN));
  if (required ? missing.length : missing.length === columns.length) {
    throw new Error(`The row has no number in ${missing.join(", ")}.`);
  }
  const value = (name) => row[name] ?? NaN;
  const more = derived.map(({ as, of }) => DERIVED[as](...of.map(value)));
  const data = joined([columns.map(value), more]);
  return { data, shape: [1, data.length] };
}
