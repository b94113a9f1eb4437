// The actors of one type that are in memory, a page at a time. Nothing of it is asked for by itself: a page is a look at
// every activation of the node.

import { ask } from "./ask.js";
import { at, each, make, row, say, show } from "./draw.js";
import { bytes, count, time } from "./words.js";

/** How many a page has. */
const PAGE = 50;

/** After which key the next page begins. */
let next = null;
/** The page that was asked for last: what is answered to another one comes too late. */
let asked = 0;

/** Makes the buttons work. */
export function beginActors() {
  at("of-type").addEventListener("change", () => list());
  at("first").addEventListener("click", () => list());
  at("next").addEventListener("click", () => list(next));
}

/** Lets the types be chosen that there are. */
export function offerTypes(types) {
  const offered = [{ name: "" }, ...types];
  each(at("of-type"), offered, (it) => it.name, () => make("option"), (option, it) => {
    option.value = it.name;
    say(option, it.name || "–");
  });
}

/** Lists actors of a type that was pressed elsewhere. */
export function chooseType(name) {
  at("of-type").value = name;
  at("actors-title").focus();
  return list();
}

async function list(after = null) {
  const type = at("of-type").value;
  const mine = (asked += 1);
  if (!type) return;
  const query = new URLSearchParams({ type, limit: PAGE });
  if (after !== null) query.set("after", after);
  let page, wrong;
  try {
    // A plus is no blank there.
    page = await ask(`/admin/v1/actors?${query.toString().replaceAll("+", "%20")}`);
  } catch (error) {
    wrong = error;
  }
  if (mine !== asked) return;
  next = page?.next ?? null;
  at("next").disabled = next === null;
  show(at("list"), page !== undefined);
  if (!page) return say(at("listed"), `Not listed: ${wrong.message}`);
  const { actors } = page;
  const from = after === null ? "from the first" : `after ${after}`;
  const now = new Date().toLocaleTimeString("en-GB");
  say(at("listed"), actors.length ? `${count(actors.length)} of ${type} ${from}, at ${now}` : `None of ${type} is in memory, at ${now}`);
  drawActors(actors);
}

function drawActors(actors) {
  const begin = () => row("", "number", "number", "number", "tag");
  each(at("actors").tBodies[0], actors, (it) => it.key, begin, (made, it) => {
    const [key, does, waiting, idle, memory, tag] = made.cells;
    say(key, it.key);
    say(does, doing(it));
    say(waiting, count(it.waiting));
    say(idle, time(it.idle_seconds));
    say(memory, bytes(it.bytes));
    say(tag, it.tag);
  });
}

function doing(actor) {
  const all = [
    actor.running && "runs",
    actor.unsaved && "is unsaved",
    actor.paused && "waits for the outcome of a commit",
  ].filter(Boolean);
  return all.length ? all.join(", ") : "rests";
}
