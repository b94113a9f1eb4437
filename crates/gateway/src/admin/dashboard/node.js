// The head of the page, and the figures of the node as a whole.

import { at, each, figures, make, say, show } from "./draw.js";
import { bytes, count, counted, percent, rate, time } from "./words.js";

/** From which age of what is unsaved on, in seconds, and from which part of the memory on it needs attention. */
const UNSAVED_OLD = 10;
const MEMORY_HIGH = 0.95;

const sum = (types, of) => types.reduce((all, it) => all + (of(it) ?? 0), 0);

/** Draws the head and the figures. `rates` has calls and errors a second by type, once they are known. */
export function drawNode(status, rates) {
  const ready = status.ready ? "ready" : "not ready";
  document.title = `${status.node}: ${ready}`;
  say(at("node"), status.node);
  say(at("ready"), ready);
  at("ready").className = `state ${status.ready ? "good" : "bad"}`;
  say(
    at("about"),
    `Tenure ${status.version} · store ${status.store} · incarnation ${status.incarnation} · up ${time(Math.floor(status.uptime_seconds))}`,
  );
  show(at("reasons"), status.reasons.length > 0);
  const reason = (it) => `${it.condition}: ${it.reason}`;
  each(at("reasons"), status.reasons, reason, () => make("li"), (item, it) => say(item, reason(it)));

  const { types, unsaved, memory_bytes: memory, memory_bytes_max: most } = status;
  const of = (name) => (rates ? sum(types, (it) => rates.get(it.name)?.[name]) : undefined);
  const errors = of("errors");
  figures(at("figures"), [
    ["In memory", count(sum(types, (it) => it.activations)), "actors"],
    ["Calls", rate(of("calls")), "a second"],
    ["Errors", rate(errors), "a second", errors > 0 ? "warn" : ""],
    ["Unsaved", time(unsaved.age_seconds), `${counted(unsaved.actors, "actor")}, ${bytes(unsaved.bytes)}`,
      unsaved.age_seconds >= UNSAVED_OLD ? "warn" : ""],
    ["Memory", bytes(memory), most === undefined ? "of actors" : `${percent(memory, most)} of ${bytes(most)}`,
      most !== undefined && memory >= most * MEMORY_HIGH ? "warn" : ""],
    ["Sessions", count(status.sessions), "open"],
  ]);
}
