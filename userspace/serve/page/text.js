// Values and names as a person reads them.

// Characters that change how the text around them is shown without being seen themselves. These are
// the ranges of is_hidden() in core/text.cpp; a test holds the two lists against each other.
const HIDDEN = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe007f],
];
const SHORT_ESCAPES = { 0x0a: '\\n', 0x0d: '\\r', 0x09: '\\t' };

const isSurrogate = (code) => code >= 0xd800 && code <= 0xdfff; // one without its other half
const isHidden = (code) =>
  isSurrogate(code) || HIDDEN.some(([first, last]) => code >= first && code <= last);

function escapeOf(code) {
  const hex = (digits) => code.toString(16).padStart(digits, '0');
  if (code in SHORT_ESCAPES) return SHORT_ESCAPES[code];
  if (code <= 0xff) return `\\x${hex(2)}`;
  return code <= 0xffff ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

// `raw` with what is hidden written as escapes, as printable() in core/text.cpp does.
function printable(raw) {
  let out = '';
  for (const character of String(raw)) {
    const code = character.codePointAt(0);
    out += isHidden(code) ? escapeOf(code) : character;
  }
  return out;
}

const UNKNOWN = '–';
const twoDigits = (number) => String(Math.floor(number)).padStart(2, '0');
const isKnown = (value) => value !== null && value !== undefined;
const countFormat = new Intl.NumberFormat('en');
const countText = (count) => (isKnown(count) ? countFormat.format(count) : UNKNOWN);
const rateText = (rate) =>
  !isKnown(rate) ? UNKNOWN : rate < 1000 ? rate.toFixed(1) : countText(Math.round(rate));
const plural = (count, one, many = `${one}s`) => `${countText(count)} ${count === 1 ? one : many}`;

// 3.2s 45s 14m03s 2h14m 3d04h, as `wsbpf top` has it.
function durationText(seconds) {
  if (!isKnown(seconds)) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  if (seconds < minute) return `${Math.floor(seconds)}s`;
  if (seconds < hour) return `${Math.floor(seconds / minute)}m${twoDigits(seconds % minute)}s`;
  if (seconds < day)
    return `${Math.floor(seconds / hour)}h${twoDigits((seconds % hour) / minute)}m`;
  return `${Math.floor(seconds / day)}d${twoDigits((seconds % day) / hour)}h`;
}

const secondsText = (seconds) => (seconds < 60 ? `${seconds} s` : durationText(seconds));

// "≥ 14m03s" where the daemon has only seen the end of it.
const ageText = (seconds, source) =>
  `${source === 'lower_bound' && isKnown(seconds) ? '≥ ' : ''}${durationText(seconds)}`;

const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const minuteFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

// "12:03:04", with the day where that is not today.
function timeText(time) {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return `${isToday ? '' : `${dayFormat.format(date)} `}${clockFormat.format(date)}`;
}

const addressText = ({ address, port }) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
const ownerText = (owner) => (isKnown(owner?.pid) ? `${owner.comm ?? '?'}[${owner.pid}]` : UNKNOWN);
const podText = (place) =>
  isKnown(place?.pod) ? [place.namespace, place.pod].filter(isKnown).join('/') : '';
// "open", or why it is not read: "(tls)".
const websocketText = ({ websocket, websocket_unread: unread }) =>
  websocket?.phase ?? (isKnown(unread) ? `(${unread})` : UNKNOWN);
const stateText = (state) => state.toUpperCase();
