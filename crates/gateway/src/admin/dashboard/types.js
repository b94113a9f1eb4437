// The types of the node, and how fast they are called.

import { at, each, make, row, say, show } from "./draw.js";
import { count, rate } from "./words.js";

/**
 * Calls and errors a second by type, between two pictures of one run of a node; nothing where they are not of one run, or
 * of one moment.
 */
export function ratesBetween(before, after) {
  if (!before || before.node !== after.node || before.incarnation !== after.incarnation) return undefined;
  const seconds = after.uptime_seconds - before.uptime_seconds;
  if (seconds <= 0) return undefined;
  const known = new Map(before.types.map((it) => [it.name, it]));
  return new Map(
    after.types.map((it) => {
      const was = known.get(it.name) ?? it;
      return [it.name, { calls: (it.calls - was.calls) / seconds, errors: (it.call_errors - was.call_errors) / seconds }];
    }),
  );
}

/** Draws the actors that are called the most. */
export function drawBusiest(busiest) {
  show(at("calm"), busiest.length === 0);
  show(at("busy"), busiest.length > 0);
  const name = (it) => `${it.type}/${it.key}`;
  each(at("busiest").tBodies[0], busiest, name, () => row("", "number"), (made, it) => {
    const [key, type, calls] = made.cells;
    say(key, it.key);
    say(type, it.type);
    say(calls, rate(it.calls_per_second));
  });
}

/** Draws the table; `choose` is told the name of a type that is pressed. */
export function drawTypes(types, rates, choose) {
  const begin = (type) => {
    const made = row("number", "number", "number", "number", "number", "", "number");
    const button = make("button", "link", type.name);
    button.type = "button";
    button.title = `List actors of ${type.name}`;
    button.addEventListener("click", () => choose(type.name));
    made.cells[0].append(button);
    return made;
  };
  each(at("types").tBodies[0], types, (it) => it.name, begin, (made, it) => {
    const [, active, calls, errors, allCalls, allErrors, saved, schema] = made.cells;
    const now = rates?.get(it.name);
    say(active, count(it.activations));
    say(calls, rate(now?.calls));
    say(errors, rate(now?.errors));
    errors.className = now?.errors > 0 ? "number warn" : "number";
    say(allCalls, count(it.calls));
    say(allErrors, count(it.call_errors));
    say(saved, it.persist.replaceAll("_", "-"));
    say(schema, String(it.schema));
  });
}
