// Requests to the server: the key, refusals in words, waiting where the server is busy.

const MOST_TRIES = 20;
let unlocked = Promise.resolve();
let unlock = null;

export class Failure extends Error {
  constructor(problem, status) {
    super(problem.detail ?? "");
    this.status = status;
    this.kind = (problem.type ?? "").split("/").pop();
    this.hint = problem.hint ?? "";
    this.rows = problem.results ?? [];
  }
}

// Gives the response, or throws a Failure; while a key is missing, it waits for the login.
export async function call(path, { signal, accept = "application/json", ...options } = {}) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(path, {
      ...options,
      signal,
      credentials: "same-origin",
      headers: { Accept: accept, "X-Genrekit-Page": "1", ...options.headers },
    });
    if (response.ok) return response;
    if (response.status === 401) {
      lock();
      await orAbort(unlocked, signal);
      continue;
    }
    const wait = Number(response.headers.get("retry-after"));
    if ((response.status === 503 || response.status === 429) && wait && attempt < MOST_TRIES) {
      await orAbort(new Promise((done) => setTimeout(done, Math.min(wait, 30) * 1000)), signal);
      continue;
    }
    throw await failure(response);
  }
}

export const json = async (path, options) => (await call(path, options)).json();

export async function logIn(key) {
  const response = await fetch("page/session", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-Genrekit-Page": "1" },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw await failure(response);
  unlock?.();
  unlock = null;
  document.dispatchEvent(new CustomEvent("locked", { detail: false }));
}

export async function logOut() {
  await fetch("page/session", { method: "DELETE", credentials: "same-origin" });
  lock();
}

function lock() {
  document.dispatchEvent(new CustomEvent("locked", { detail: true }));
  if (!unlock) unlocked = new Promise((done) => (unlock = done));
}

async function failure(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    problem = { detail: `${response.status} ${response.statusText}` };
  }
  return new Failure(problem, response.status);
}

function orAbort(promise, signal) {
  if (!signal) return promise;
  return new Promise((done, fail) => {
    if (signal.aborted) fail(signal.reason);
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    promise.then(done, fail);
  });
}
