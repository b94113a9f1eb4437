'use strict';

const PERIOD_MS = 500;
// How long one answer may take before the page says that it waits.
const ANSWER_MS = 5000;
const TRIES = 5;

const $ = (id) => document.getElementById(id);
const eventName = new URLSearchParams(location.search).get('event') || 'demo';
const word = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (it) => it.toString(36)).join('');

// Names this tab's buyer, and keeps what it holds over a reload.
const buyer = sessionStorage.getItem('buyer') || word();
sessionStorage.setItem('buyer', buyer);
let mine = JSON.parse(sessionStorage.getItem(`mine ${eventName}`) || '[]');

let plan = null;
const sections = [];

class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

// A call that has an effect has a key: made again, it has that effect once.
async function call(path, body, key) {
  const headers = { 'content-type': 'application/json' };
  if (key) headers['idempotency-key'] = key;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const reply = await fetch(`/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body), signal });
  const answer = await reply.json();
  if (!reply.ok) throw new Refused(answer);
  return answer;
}

// Makes a call again where it is not known what became of it, or where it may go better.
async function persist(path, body) {
  const key = word();
  for (let left = TRIES; ; left -= 1) {
    try {
      return await call(path, body, key);
    } catch (error) {
      const isFinal = error instanceof Refused && error.problem.outcome !== 'unknown' && !error.problem.retryable;
      if (isFinal || error.problem?.code === 'none_free' || left <= 1) throw error;
      await new Promise((done) => setTimeout(done, PERIOD_MS));
    }
  }
}

function note(error) {
  $('note').textContent = error ? error.message || String(error) : '';
}

function seatName(section, seat) {
  return `${section}, row ${Math.floor(seat / plan.seats_per_row) + 1}, seat ${(seat % plan.seats_per_row) + 1}`;
}

function keep() {
  sessionStorage.setItem(`mine ${eventName}`, JSON.stringify(mine));
  showMine();
}

async function hold(section, button) {
  button.disabled = true;
  note();
  try {
    // Any agent will do. One that has no seat says who has.
    let agents = [Math.floor(Math.random() * plan.agents)];
    for (let left = TRIES; ; left -= 1) {
      const agent = agents[Math.floor(Math.random() * agents.length)];
      const path = `agent/${eventName}.${section.name}.${agent}`;
      try {
        const held = await persist(`${path}/hold`, { buyer });
        mine.push({ ...held, path, section: section.name, bought: false });
        keep();
        return;
      } catch (error) {
        agents = error.problem?.error?.NoneFree?.agents || [];
        if (!agents.length || left <= 1) throw error;
      }
    }
  } catch (error) {
    note(error);
  } finally {
    button.disabled = false;
    look(section);
  }
}

async function decide(it, verb) {
  note();
  try {
    await persist(`${it.path}/${verb}`, { hold: it.hold, buyer });
    if (verb === 'buy') it.bought = true;
    else mine = mine.filter((other) => other !== it);
  } catch (error) {
    if (['expired', 'no_hold'].includes(error.problem?.code)) mine = mine.filter((other) => other !== it);
    note(error);
  }
  keep();
  look(sections.find((section) => section.name === it.section));
}

function pressable(text, isMain, act) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  if (isMain) button.className = 'main';
  button.addEventListener('click', () => {
    button.disabled = true;
    act();
  });
  return button;
}

function showMine() {
  $('mine').hidden = !mine.length;
  $('holds').replaceChildren(...mine.map((it) => {
    const line = document.createElement('li');
    const text = document.createElement('span');
    line.append(text);
    text.dataset.until = it.until_ms;
    text.dataset.name = seatName(it.section, it.seat);
    if (it.bought) text.textContent = `${text.dataset.name}: bought`;
    else line.append(pressable('Buy', true, () => decide(it, 'buy')), pressable('Release', false, () => decide(it, 'release')));
    if (!it.bought) text.classList.add('held');
    return line;
  }));
  countDown();
  sections.forEach(mark);
}

function countDown() {
  for (const text of document.querySelectorAll('#holds .held')) {
    const seconds = Math.ceil((text.dataset.until - Date.now()) / 1000);
    text.textContent = `${text.dataset.name}: ${seconds > 0 ? `held for ${seconds} s` : 'expired'}`;
  }
}

function mark(section) {
  const seats = new Set(mine.filter((it) => it.section === section.name).map((it) => it.seat));
  [...section.map.children].forEach((cell, seat) => cell.classList.toggle('mine', seats.has(seat)));
}

function show(section) {
  const { picture } = section;
  section.counts.textContent = `${picture.free} free, ${picture.held} held, ${picture.sold} sold`;
  section.button.hidden = picture.sold === picture.house;
  section.map.setAttribute('aria-label', `Section ${section.name}: ${section.counts.textContent}`);
  const names = { f: '', h: 'h', s: 's' };
  [...section.map.children].forEach((cell, seat) => {
    const name = names[picture.seats[seat]] ?? 'lost';
    if (cell.dataset.place === name) return;
    cell.dataset.place = name;
    cell.className = name;
  });
  mark(section);
  showTotals();
}

function showTotals() {
  const known = sections.filter((section) => section.picture);
  if (known.length < sections.length) return;
  const total = (name) => known.reduce((sum, section) => sum + section.picture[name], 0);
  const [free, held, sold, house] = ['free', 'held', 'sold', 'house'].map(total);
  const fits = known.every(({ picture: it }) => it.free + it.held + it.sold === it.house);
  Object.entries({ free, held, sold, house, sum: free + held + sold }).forEach(([id, count]) => {
    $(id).textContent = count.toLocaleString('en');
  });
  for (const [name, count] of [['s', sold], ['h', held], ['f', free]]) $('bar').querySelector(`.${name}`).style.flexGrow = count;
  $('verdict').textContent = fits ? '✓' : 'does not add up';
  $('verdict').classList.toggle('wrong', !fits);
  $('totals').hidden = false;
}

function showLink() {
  const isAway = sections.some((section) => section.isAway);
  $('link').textContent = isAway ? 'waiting for a node…' : 'live';
  $('link').classList.toggle('away', isAway);
}

// One request at a time for each section.
async function look(section) {
  if (section.isBusy) return;
  section.isBusy = true;
  try {
    section.picture = await call(`board/${eventName}.${section.name}/show`, {});
    section.isAway = false;
    show(section);
  } catch {
    section.isAway = true;
  } finally {
    section.isBusy = false;
    showLink();
  }
}

function lookAtAll() {
  if (document.visibilityState === 'visible') sections.forEach(look);
}

function build() {
  for (let number = 0; number < plan.sections; number += 1) {
    const name = String.fromCharCode(65 + number);
    const part = $('section').content.cloneNode(true);
    const [counts, button, map] = ['.counts', 'button', '.map'].map((it) => part.querySelector(it));
    const section = { name, counts, button, map, picture: null, isBusy: false, isAway: false };
    part.querySelector('h2').textContent = `Section ${name}`;
    part.querySelector('section').id = `section-${name}`;
    map.style.setProperty('--across', plan.seats_per_row);
    for (let seat = 0; seat < plan.rows * plan.seats_per_row; seat += 1) map.append(document.createElement('i'));
    button.addEventListener('click', () => hold(section, button));
    sections.push(section);
    $('sections').append(part);
  }
  showMine();
  lookAtAll();
  setInterval(lookAtAll, PERIOD_MS);
  setInterval(countDown, PERIOD_MS);
  document.addEventListener('visibilitychange', lookAtAll);
}

async function begin() {
  try {
    plan = await call(`house/${eventName}/plan`, {});
  } catch (error) {
    if (error.problem?.code !== 'not_open') {
      setTimeout(begin, PERIOD_MS);
      return;
    }
    $('link').textContent = 'not open';
    $('open').hidden = false;
    return;
  }
  $('open').hidden = true;
  build();
}

$('open').addEventListener('submit', async (submitted) => {
  submitted.preventDefault();
  note();
  const numbers = Object.fromEntries([...new FormData($('open'))].map(([name, text]) => [name, Number(text)]));
  try {
    await persist(`house/${eventName}/open`, numbers);
    begin();
  } catch (error) {
    note(error);
  }
});

$('event').textContent = eventName;
document.title = eventName;
begin();
