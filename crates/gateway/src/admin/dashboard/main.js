// Asks the node for its picture, once a second while somebody can see this page, and draws it.

import { beginActors, chooseType, offerTypes } from "./actors.js";
import { ask } from "./ask.js";
import { drawCluster } from "./cluster.js";
import { at, say, show } from "./draw.js";
import { drawNode } from "./node.js";
import { drawBusiest, drawTypes, ratesBetween } from "./types.js";

/** How often it is asked, in milliseconds. */
const PERIOD = 1_000;

let before, answeredAt, timer;
let isAsking = false;

function draw(status) {
  const rates = ratesBetween(before, status);
  before = status;
  drawNode(status, rates);
  drawCluster(status);
  drawTypes(status.types, rates, chooseType);
  drawBusiest(status.busiest);
  offerTypes(status.types);
  show(at("main"), true);
}

function drawAway(error) {
  const since = answeredAt ? `since ${answeredAt.toLocaleTimeString("en-GB")}; what is shown is from then` : "yet";
  const away = at("away");
  document.title = `${at("node").textContent}: no answer`;
  show(away, true);
  // Said once: a screen reader reads it out whenever it changes.
  if (!away.textContent) say(away, `No answer from this node ${since}. It is asked again every second. (${error.message})`);
}

async function look() {
  if (isAsking || document.hidden) return;
  isAsking = true;
  clearTimeout(timer);
  let status, wrong;
  try {
    status = await ask("/admin/v1/node");
  } catch (error) {
    wrong = error;
  }
  isAsking = false;
  timer = setTimeout(look, PERIOD);
  document.body.classList.toggle("old", !status);
  if (!status) return drawAway(wrong);
  answeredAt = new Date();
  show(at("away"), false);
  say(at("away"), "");
  draw(status);
}

document.addEventListener("visibilitychange", look);
beginActors();
look();
