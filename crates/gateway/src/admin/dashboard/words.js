// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** A count: `16,384`. */
export const count = (n) => WHOLE.format(n);

/** A count of things: `1 actor`, `2 actors`. */
export const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

/** A rate: `0.4`, `1,250`; a dash where it is not known yet. */
export const rate = (n) => (n === undefined ? "–" : n > 0 && n < 10 ? n.toFixed(1) : WHOLE.format(n));

/** So much of so much: `33 %`. */
export const percent = (part, whole) => `${(whole ? (100 * part) / whole : 0).toFixed(0)} %`;

/** A size: `1.5 MiB`. */
export function bytes(n) {
  let unit = 0;
  for (; n >= 1_024 && unit < UNITS.length - 1; unit += 1) n /= 1_024;
  return `${unit && n < 100 ? n.toFixed(1) : WHOLE.format(n)} ${UNITS[unit]}`;
}

/** A time: `0.25 s`, `12 s`, `3 min 5 s`, `2 h 3 min`, `4 d 2 h`. */
export function time(seconds) {
  if (seconds < 10) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(2)} s`;
  const s = Math.floor(seconds);
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min ${s % MINUTE} s`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h ${Math.floor((s % HOUR) / MINUTE)} min`;
  return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / HOUR)} h`;
}
