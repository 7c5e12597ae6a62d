// Elements of the document. All text and all attributes that scripts set pass through here, and so
// through printable().

const byId = (id) => document.getElementById(id);

function setText(node, text) {
  const safe = printable(text);
  if (node.textContent !== safe) node.textContent = safe;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const safe = printable(value);
    if (node.getAttribute(name) !== safe) node.setAttribute(name, safe);
  }
}

function fill(node, attributes, children) {
  setAttributes(node, attributes);
  node.append(...children.map((child) => (child instanceof Node ? child : printable(child))));
  return node;
}

const element = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const shape = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

function show(node, isShown) {
  if (node.hidden === isShown) node.hidden = !isShown;
}

// Makes the children of `parent` the elements of `items`, in their order. Each item has a key, and
// keeps its element from one call to the next, with focus and whatever is open in it. `create`
// returns { element, update(item) }.
const keptChildren = new WeakMap();
function showItems(parent, items, keyOf, create) {
  const before = keptChildren.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const kept = now.get(key) ?? before.get(key) ?? create(item);
    kept.update(item);
    now.set(key, kept);
  }
  for (const [key, kept] of before) {
    if (!now.has(key)) kept.element.remove();
  }
  let at = parent.tHead ? parent.tHead.nextElementSibling : parent.firstElementChild;
  for (const kept of now.values()) {
    if (kept.element === at) at = at.nextElementSibling;
    else parent.insertBefore(kept.element, at);
  }
  keptChildren.set(parent, now);
}
