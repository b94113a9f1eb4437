'use strict';

// Names this browser's participant. Who clears it is another one.
let me = localStorage.getItem('participant');
if (!me) {
  me = Array.from(crypto.getRandomValues(new Uint8Array(12)), (it) => it.toString(36)).join('');
  localStorage.setItem('participant', me);
}
const participant = `participant/${encodeURIComponent(`${conversation}.${me}`)}`;

let phase = 'waiting';
let prompt = null;
let isBusy = false;
let compared = 0;
// What this page has submitted: a crash of the node may take back the latest.
const sent = { answers: new Set(), chosen: new Map() };

function show() {
  const isOpen = phase === 'answering' || phase === 'comparing';
  $('waiting').hidden = phase !== 'waiting';
  $('closed').hidden = phase !== 'closed';
  $('say').hidden = !isOpen;
  $('compare').hidden = phase !== 'comparing';
  $('pair').hidden = !prompt;
  $('none').hidden = !!prompt;
  // Not `disabled`: whoever chooses with the keyboard keeps the focus.
  for (const id of ['left', 'right']) $(id).setAttribute('aria-disabled', String(isBusy));
  if (prompt) {
    $('left').firstElementChild.textContent = prompt.left.text;
    $('right').firstElementChild.textContent = prompt.right.text;
  }
  $('count').textContent = compared ? `You have compared ${compared} ${compared === 1 ? 'pair' : 'pairs'}.` : '';
}

// What was submitted, as the participant's actor has it: it has all of one's own writes at once.
async function look() {
  const mine = await call(`${participant}/mine`, {});
  $('answers').replaceChildren(...mine.answers.map((text) => {
    const line = document.createElement('li');
    line.textContent = text;
    return line;
  }));
  compared = mine.prompts.filter((it) => it.chosen).length;
  return mine;
}

// After a connection was lost: submits again what is not there.
async function mend() {
  const mine = await look();
  for (const text of sent.answers) if (!mine.answers.includes(text)) await call(`${participant}/answer`, { text });
  for (const [number, chosen] of sent.chosen) {
    const kept = mine.prompts.find((it) => it.number === number);
    if (kept && !kept.chosen) await call(`${participant}/prefer`, { number, chosen });
  }
  await look();
  show();
}

function note(error) {
  $('note').textContent = error ? (error.message || String(error)) : '';
}

async function next() {
  if (phase !== 'comparing' || prompt || isBusy) return;
  isBusy = true;
  try {
    // One that was handed out and not answered, before a new one.
    const mine = await look();
    prompt = mine.prompts.find((it) => !it.chosen) || await call(`${participant}/next`, {});
    note();
  } catch (error) {
    note(error);
  } finally {
    isBusy = false;
    show();
  }
  if (!prompt && phase === 'comparing') setTimeout(next, 2000);
}

async function choose(chosen) {
  if (!prompt || isBusy) return;
  isBusy = true;
  show();
  try {
    await call(`${participant}/prefer`, { number: prompt.number, chosen });
    sent.chosen.set(prompt.number, chosen);
    note();
  } catch (error) {
    note(error);
  }
  prompt = null;
  isBusy = false;
  await next();
}

$('left').addEventListener('click', () => choose('left'));
$('right').addEventListener('click', () => choose('right'));
addEventListener('keydown', (event) => {
  if (event.target.tagName === 'INPUT' || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const chosen = { ArrowLeft: 'left', 1: 'left', ArrowRight: 'right', 2: 'right' }[event.key];
  if (chosen) {
    event.preventDefault();
    choose(chosen);
  }
});
$('say').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (!text) return;
  try {
    await call(`${participant}/answer`, { text });
    sent.answers.add(text);
    $('text').value = '';
    note();
    await look();
  } catch (error) {
    note(error);
  }
});

follow(`conversation:${conversation}`, null, (it) => {
  phase = it.phase;
  $('question').textContent = it.question || 'There is no question yet';
  document.title = it.question || 'Conversation';
  if (phase !== 'comparing') prompt = null;
  show();
  look().then(show, note);
  next();
}, note);
centrifuge.on('connected', () => {
  if (sent.answers.size || sent.chosen.size) mend().catch(note);
});
centrifuge.connect();
