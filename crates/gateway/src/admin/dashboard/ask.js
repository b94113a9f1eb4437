// Asks the admin server for JSON.

/** How long an answer may take, in milliseconds. */
const PATIENCE = 4_000;

/**
 * What the admin server answers to a GET of `path`.
 * Throws an Error that says, in words for people, why there is no answer.
 */
export async function ask(path) {
  const reply = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.detail ?? `the answer is ${reply.status}`);
  return body;
}
