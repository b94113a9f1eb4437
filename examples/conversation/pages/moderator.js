'use strict';

const path = `conversation/${encodeURIComponent(conversation)}`;
let word = sessionStorage.getItem(`moderator of ${conversation}`) || '';
let insight = null;

function note(error) {
  $('note').textContent = error ? (error.message || error.reason || String(error)) : '';
}

async function moderate(method, data) {
  try {
    await call(`${path}/${method}`, { ...data, moderator: word });
    note();
    return true;
  } catch (error) {
    note(error);
    return false;
  }
}

const SVG = 'http://www.w3.org/2000/svg';
function bar(it, low, high) {
  const place = (value) => ((value - low) / (high - low || 1)) * 100;
  const svg = document.createElementNS(SVG, 'svg');
  const title = document.createElementNS(SVG, 'title');
  title.textContent = `${it.strength.toFixed(2)} ± ${it.margin.toFixed(2)}`;
  const range = document.createElementNS(SVG, 'rect');
  const from = place(it.strength - it.margin);
  for (const [name, value] of [['x', `${from}%`], ['y', '35%'], ['height', '30%'], ['width', `${place(it.strength + it.margin) - from}%`]]) {
    range.setAttribute(name, value);
  }
  const middle = document.createElementNS(SVG, 'circle');
  for (const [name, value] of [['cx', `${place(it.strength)}%`], ['cy', '50%'], ['r', '5']]) middle.setAttribute(name, value);
  svg.append(title, range, middle);
  return svg;
}

function cell(content, isNumber) {
  const it = document.createElement('td');
  it.append(content);
  if (isNumber) it.className = 'number';
  return it;
}

function showRanking(ranking) {
  for (const name of ['participants', 'answers', 'comparisons']) $(name).textContent = ranking[name].toLocaleString();
  const all = ranking.ranked;
  const low = Math.min(...all.map((it) => it.strength - it.margin));
  const high = Math.max(...all.map((it) => it.strength + it.margin));
  $('ranked').replaceChildren(...all.map((it, place) => {
    const row = document.createElement('tr');
    row.append(cell(String(place + 1), true), cell(it.text), cell(bar(it, low, high)), cell(it.comparisons.toLocaleString(), true));
    return row;
  }));
  $('table').hidden = !all.length;
  $('empty').hidden = all.length > 0;
}

function enter() {
  for (const id of ['ask', 'phases']) $(id).hidden = false;
  $('enter').hidden = true;
  if (insight) return;
  insight = follow(`insight:${conversation}`, { moderator: word }, (it) => {
    $('insight').hidden = false;
    showRanking(it);
  }, note);
}

$('enter').addEventListener('submit', async (event) => {
  event.preventDefault();
  word = $('word').value;
  try {
    await call(`${path}/ranking`, { moderator: word });
  } catch (error) {
    // 409: nobody has opened it yet; the first question does, with this word.
    if (error.code !== 409) return note(error);
    sessionStorage.setItem(`moderator of ${conversation}`, word);
    $('ask').hidden = false;
    $('enter').hidden = true;
    $('text').focus();
    return note();
  }
  sessionStorage.setItem(`moderator of ${conversation}`, word);
  note();
  enter();
});
$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (await moderate('open', { question: $('text').value.trim() })) enter();
});
for (const button of document.querySelectorAll('[data-phase]')) {
  button.addEventListener('click', () => moderate('enter', { phase: button.dataset.phase }));
}

follow(`conversation:${conversation}`, null, (it) => {
  $('question').textContent = it.question || 'No question yet';
  if (it.question && !$('text').value) $('text').value = it.question;
  for (const button of document.querySelectorAll('[data-phase]')) {
    button.setAttribute('aria-pressed', String(button.dataset.phase === it.phase));
  }
}, note);
if (word) {
  $('word').value = word;
  call(`${path}/ranking`, { moderator: word }).then(enter, () => {});
}
centrifuge.connect();
