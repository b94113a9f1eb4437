// Who is a member, who keeps which slots, and what moves.

import { at, each, figures, make, row, say, show } from "./draw.js";
import { count, percent, time } from "./words.js";

const SLOTS = 16_384;
/** How many members are listed. */
const LISTED_MAX = 256;
const HUES = 8;
/** In which order members are listed that stand there, and how it looks. */
const STATES = {
  Alive: [0, "good"], Joining: [1, "new"], Leaving: [2, "warn"], Condemned: [3, "bad"], Down: [4, "bad"], Left: [5, "off"],
};
const rank = (member) => STATES[member.state]?.[0] ?? 0;
const hue = (at) => (at === undefined ? "" : `hue-${at % HUES}`);

/** Draws the cluster, or nothing where the node is alone. */
export function drawCluster(status) {
  const { cluster } = status;
  show(at("cluster"), cluster !== undefined);
  if (!cluster) return;
  const state = cluster.state ?? "no member";
  say(at("place"), `View ${count(cluster.view)}. This node is ${state}${cluster.leaving ? " and was told to leave" : ""}${cluster.cordoned ? " and takes no new actors" : ""}.`);
  const owners = cluster.members.filter((it) => it.slots > 0);
  owners.sort((a, b) => (a.node < b.node ? -1 : 1));
  const places = new Map(owners.map((it, place) => [it.incarnation, place]));
  drawBar(owners, places);
  drawMembers(cluster, places);
  figures(at("part"), [
    cluster.lease_seconds === undefined ? ["Lease", "none", "membership by gossip", ""] : ["Lease", time(cluster.lease_seconds), cluster.lease_seconds > 0 ? "left" : "over: nothing is released", cluster.lease_seconds > 0 ? "" : "warn"],
    ["Slots", count(cluster.slots), cluster.slots_closed ? `${count(cluster.slots_closed)} wait for reports` : "all open", cluster.slots_closed ? "warn" : ""],
    ["Directory", count(cluster.directory_entries), "entries"],
    ["Places", count(cluster.locations), "remembered"],
    ["Calls seeking", count(cluster.calls_seeking), "look for their actor"],
    ["Calls away", count(cluster.calls_away), "at other nodes"],
    ["Moving away", count(cluster.moves_out), "actors"],
    ["Arriving", count(cluster.moves_in), "actors"],
  ]);
}

function drawBar(owners, places) {
  const bar = at("bar");
  const told = owners.map((it) => `${it.node} ${count(it.slots)}`).join(", ");
  const label = owners.length ? `Slots by member: ${told}` : "Nobody keeps slots";
  if (bar.ariaLabel !== label) bar.ariaLabel = label;
  each(bar, owners, (it) => String(it.incarnation), () => make("span"), (part, it) => {
    say(part, it.node);
    part.className = hue(places.get(it.incarnation));
    part.title = `${it.node}: ${count(it.slots)} slots`;
    part.style.flexGrow = it.slots;
  });
}

function drawMembers(cluster, places) {
  const members = cluster.members.toSorted(
    (a, b) => rank(a) - rank(b) || (a.node < b.node ? -1 : a.node > b.node ? 1 : b.incarnation - a.incarnation),
  );
  const listed = members.slice(0, LISTED_MAX);
  const begin = () => {
    const made = row("", "number", "number", "number", "address");
    made.cells[0].append(make("span", "swatch"), make("span"), make("span", "quiet own"));
    made.cells[1].append(make("span", "state"));
    made.cells[2].append(make("span"), make("span", "quiet share"));
    return made;
  };
  each(at("members").tBodies[0], listed, (it) => String(it.incarnation), begin, (made, it) => {
    const [node, state, slots, weight, incarnation, address] = made.cells;
    const [swatch, name, own] = node.children;
    swatch.className = `swatch ${hue(places.get(it.incarnation))}`;
    say(name, it.node);
    say(own, it.incarnation === cluster.incarnation ? " this node" : "");
    say(state.firstChild, it.state);
    state.firstChild.className = `state ${STATES[it.state]?.[1] ?? ""}`;
    say(slots.firstChild, it.slots ? count(it.slots) : "–");
    say(slots.lastChild, it.slots ? ` ${percent(it.slots, SLOTS)}` : "");
    say(weight, count(it.weight));
    say(incarnation, String(it.incarnation));
    say(address, it.address);
  });
  const more = members.length - listed.length;
  show(at("more-members"), more > 0);
  say(at("more-members"), `and ${count(more)} more`);
}
