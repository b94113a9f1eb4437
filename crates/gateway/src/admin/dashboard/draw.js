// Puts what was read into the document. Names and keys are other people's data: all of it goes in as text.

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/** Shows a text in an element, and touches it only where it shows another one. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows an element, or does not. */
export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** A new element with classes and a text. */
export function make(tag, classes, text = "") {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.textContent = text;
  return element;
}

/** A new row of a table: a head, and a cell for each of `classes`. */
export function row(...classes) {
  const made = document.createElement("tr");
  const head = make("th");
  head.scope = "row";
  made.append(head, ...classes.map((it) => make("td", it)));
  return made;
}

/**
 * One child of `parent` for each item, in their order, told apart by `name`. Children of items that stay are kept where they
 * are, so that whoever has the focus keeps it.
 */
export function each(parent, items, name, begin, fill) {
  const kept = new Map([...parent.children].map((child) => [child.dataset.name, child]));
  const names = new Set(items.map(name));
  for (const [known, child] of kept) if (!names.has(known)) child.remove();
  let next = parent.firstElementChild;
  for (const item of items) {
    const known = name(item);
    let child = kept.get(known);
    if (!child) {
      child = begin(item);
      child.dataset.name = known;
    }
    fill(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}

/** Shows figures in a list of descriptions: `[name, value, note, how]`, `how` a class of those that need attention. */
export function figures(list, all) {
  const begin = ([name]) => {
    const made = document.createElement("div");
    made.append(make("dt", "", name), make("dd"), make("dd", "quiet"));
    return made;
  };
  each(list, all, ([name]) => name, begin, (made, [, value, note, how]) => {
    say(made.children[1], value);
    say(made.children[2], note ?? "");
    made.className = how ?? "";
  });
}
