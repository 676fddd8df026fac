'use strict';
// Works on what the page holds already; without it everything can be read, in the order of the experiment file.
document.documentElement.classList.add('js');

// Rows that open: the first cell becomes a button, the row itself takes clicks too.
for (const more of document.querySelectorAll('tr.more')) {
  const details = more.querySelector('details');
  const row = more.previousElementSibling;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'open';
  button.append(...row.cells[0].childNodes);
  row.cells[0].append(button);
  row.classList.add('opens');
  const show = (open) => {
    details.open = open;
    more.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
  };
  row.addEventListener('click', (event) => {
    const other = event.target.closest('a') || (event.target.closest('button') || button) !== button;
    if (!other && String(getSelection()) === '') show(!details.open);
  });
  show(details.open);
}

// Sorting: up, down, back to the first order. What has no value stays below.
const NUMBER = /^[<>]?\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])/;

function main(cell) {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll('small').forEach((small) => small.remove());
  const text = copy.textContent.trim().replaceAll('−', '-');
  return text === '–' ? '' : text;
}

function compare(texts) {
  const words = new Intl.Collator('en', { numeric: true });
  if (!texts.every((text) => text === '' || NUMBER.test(text))) return words.compare;
  return (left, right) => Number(left.match(NUMBER)[1]) - Number(right.match(NUMBER)[1]);
}

function sort(table, column, direction) {
  const body = table.tBodies[0];
  const groups = [];
  for (const row of body.rows) {
    if (row.classList.contains('more')) groups[groups.length - 1].rows.push(row);
    else groups.push({ place: Number(row.dataset.place), text: main(row.cells[column]), rows: [row] });
  }
  const order = compare(groups.map((group) => group.text));
  const sign = direction === 'descending' ? -1 : 1;
  groups.sort((left, right) => {
    if (direction === 'none') return left.place - right.place;
    if (left.text === '' || right.text === '') return (left.text === '') - (right.text === '') || left.place - right.place;
    return sign * order(left.text, right.text) || left.place - right.place;
  });
  body.append(...groups.flatMap((group) => group.rows));
}

for (const table of document.querySelectorAll('table')) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains('more'));
  if (rows.length < 2) continue;
  rows.forEach((row, place) => { row.dataset.place = place; });
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const next = { ascending: 'descending', descending: 'none' }[head.getAttribute('aria-sort')] || 'ascending';
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      if (next !== 'none') head.setAttribute('aria-sort', next);
      sort(table, column, next);
    });
  });
}

// Values of the curves beside the pointer, or the arrow keys.
function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function follow(figure, panels) {
  const svg = figure.querySelector('svg');
  const width = svg.viewBox.baseVal.width;
  const line = document.createElementNS(svg.namespaceURI, 'line');
  const dots = document.createElementNS(svg.namespaceURI, 'g');
  line.setAttribute('class', 'cross');
  const tip = element('div', 'tip');
  tip.setAttribute('role', 'status');
  tip.hidden = true;
  figure.append(tip);
  const steps = panels.map((panel) => [...new Set(panel.curves.flatMap((curve) => curve.at))].sort((a, b) => a - b));
  let at = null;

  const across = (panel, step) =>
    panel.place[0] + (step - panel.x[0]) / (panel.x[1] - panel.x[0]) * (panel.place[2] - panel.place[0]);
  const down = (panel, value) =>
    panel.place[3] - (value - panel.y[0]) / (panel.y[1] - panel.y[0]) * (panel.place[3] - panel.place[1]);

  function hide() {
    at = null;
    tip.hidden = true;
    line.remove();
    dots.remove();
  }

  function entry(colour, words) {
    const item = element('div', 'entry');
    const swatch = element('i', 'swatch');
    swatch.style.background = colour;
    item.append(swatch, words);
    return item;
  }

  function show(index, place) {
    const panel = panels[index];
    const step = steps[index][place];
    at = { index, place };
    const x = across(panel, step);
    const ends = { x1: x, x2: x, y1: panel.place[1], y2: panel.place[3] };
    Object.entries(ends).forEach(([name, value]) => line.setAttribute(name, value));
    dots.replaceChildren();
    tip.replaceChildren(element('b', '', panel.title + ', step ' + step));
    for (const curve of panel.curves) {
      const own = curve.at.indexOf(step);
      if (own < 0) continue;
      const word = (values) => values[own].toFixed(panel.digits).replace('-', '−');
      const band = curve.low ? ' (' + word(curve.low) + ' to ' + word(curve.high) + ')' : '';
      tip.append(entry(curve.colour, curve.name + ': ' + word(curve.mean) + band));
      const dot = document.createElementNS(svg.namespaceURI, 'circle');
      const circle = { cx: x, cy: down(panel, curve.mean[own]), r: 4, fill: curve.colour };
      Object.entries(circle).forEach(([name, value]) => dot.setAttribute(name, value));
      dots.append(dot);
    }
    for (const phase of panel.phases) {
      const own = phase.at.indexOf(step);
      if (own < 0) continue;
      const share = phase.share[own] < 1 ? ' in ' + Math.round(100 * phase.share[own]) + '% of seeds' : '';
      tip.append(entry(phase.colour, phase.name + share));
    }
    svg.append(line, dots);
    tip.hidden = false;
    const box = svg.getBoundingClientRect();
    const outer = figure.getBoundingClientRect();
    const left = box.left - outer.left + x * box.width / width;
    const beside = left + 14 + tip.offsetWidth > outer.width ? left - 14 - tip.offsetWidth : left + 14;
    tip.style.left = Math.max(0, Math.min(beside, outer.width - tip.offsetWidth)) + 'px';
    tip.style.top = box.top - outer.top + panel.place[1] * box.width / width + 'px';
  }

  function point(event) {
    const box = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => value * width / box.width);
    const inside = (panel) => x >= panel.place[0] - 6 && x <= panel.place[2] + 6 && y >= panel.place[1] && y <= panel.place[3];
    const index = panels.findIndex(inside);
    if (index < 0 || steps[index].length === 0) return hide();
    const away = (step) => Math.abs(across(panels[index], step) - x);
    show(index, steps[index].reduce((best, step, place) => (away(step) < away(steps[index][best]) ? place : best), 0));
  }

  function key(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === 'Escape') return hide();
    if (!moves[event.key]) return;
    event.preventDefault();
    const [panel, step] = moves[event.key];
    const index = at ? Math.max(0, Math.min(panels.length - 1, at.index + panel)) : 0;
    const last = steps[index].length - 1;
    if (last >= 0) show(index, at ? Math.max(0, Math.min(last, at.place + step)) : 0);
  }

  svg.setAttribute('tabindex', '0');
  svg.addEventListener('pointermove', point);
  svg.addEventListener('pointerdown', point);
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('blur', hide);
  svg.addEventListener('keydown', key);
}

for (const figure of document.querySelectorAll('figure')) {
  const data = figure.querySelector('script[type="application/json"]');
  if (data) follow(figure, JSON.parse(data.textContent));
}
