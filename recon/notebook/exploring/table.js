// A table of rows that the kernel pages, sorts, filters and searches; all text from data is set as text.
const make = (name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};
const number = (value) => value.toLocaleString("en");
const PAUSE_MS = 150; // between the last key in a search and the question

export default {
  render({ model, el }) {
    const state = { row: 2, column: 0, offset: 0, pending: 0, change: null };
    const root = make("section", { class: "recon-table", "data-lm-suppress-shortcuts": "true" });
    const heading = make("h3"), about = make("p", { class: "recon-about" });
    const bar = make("div", { class: "recon-bar", role: "search" });
    const label = make("label", {}, "Search ");
    const search = make("input", { type: "search", maxlength: 1000, placeholder: "in all columns" });
    label.append(search);
    const status = make("p", { class: "recon-status", role: "status", "aria-live": "polite" });
    const grid = make("table", { role: "grid" });
    const holder = make("div", { class: "recon-holder" });
    const pager = make("div", { class: "recon-bar", role: "group", "aria-label": "Pages" });
    const record = make("section", { class: "recon-record", tabindex: -1 });
    const keys = make("p", { class: "recon-keys" });
    holder.append(grid);
    root.append(heading, about, bar, holder, status, pager, record, keys);
    el.append(root);

    const page = () => model.get("page");
    const ask = (changed = {}) => {
      const { offset, sort, descending, search: text, filters } = { ...page().query, ...changed };
      model.send({ do: "page", offset, sort, descending, search: text, filters });
    };
    const flush = () => {
      clearTimeout(state.pending);
      if (state.change) ask(state.change);
      state.change = null;
    };
    const later = (changed) => {
      state.change = { ...state.change, offset: 0, ...changed };
      clearTimeout(state.pending);
      state.pending = setTimeout(flush, PAUSE_MS);
    };
    const button = (text, act, attributes = {}) => {
      const made = make("button", { type: "button", ...attributes }, text);
      made.addEventListener("click", act);
      return made;
    };
    const first = () => ask({ offset: 0 });
    const step = (pages) => ask({ offset: Math.max(0, page().query.offset + pages * page().limit) });
    const last = () => ask({ offset: Math.max(0, Math.ceil(page().shown / page().limit) - 1) * page().limit });
    const buttons = {
      first: button("First", first), back: button("Previous", () => step(-1)),
      next: button("Next", () => step(1)), last: button("Last", last),
    };
    const position = make("span");
    pager.append(buttons.first, buttons.back, position, buttons.next, buttons.last);
    const clear = button("Clear search and filters", () => model.send({ do: "clear" }));
    const every = button("Choose all shown", () => model.send({ do: "choose_shown", on: true }));
    const none = button("Choose none", () => model.send({ do: "choose_none" }));
    bar.append(label, clear, every, none);
    search.addEventListener("input", () => later({ search: search.value }));

    const cells = () => [...grid.rows].map((row) => [...row.querySelectorAll("[data-cell]")]);
    const focus = (row, column, take = true) => {
      const all = cells();
      state.row = Math.max(0, Math.min(row, all.length - 1));
      state.column = Math.max(0, Math.min(column, (all[state.row] || []).length - 1));
      for (const cell of all.flat()) cell.tabIndex = -1;
      const cell = all[state.row]?.[state.column];
      if (!cell) return;
      cell.tabIndex = 0;
      if (take) cell.focus();
    };
    const sorted = (place) => {
      const { sort, descending } = page().query;
      if (sort !== place) ask({ offset: 0, sort: place, descending: false });
      else if (!descending) ask({ offset: 0, descending: true });
      else ask({ offset: 0, sort: null, descending: false });
    };
    const choose = (row) => row && model.send({ do: "choose", rows: [row.id], on: !row.chosen });
    const open = (row) => row && model.send({ do: "open", row: row.id });

    const drawHead = (shown) => {
      const { sort, descending, filters } = shown.query;
      const names = make("tr", { role: "row", "aria-rowindex": 1 });
      const inputs = make("tr", { role: "row", "aria-rowindex": 2, class: "recon-filters" });
      if (shown.choosable) {
        names.append(make("th", { role: "columnheader", "data-cell": "", "aria-colindex": 1 }, "Chosen"));
        inputs.append(make("td", { role: "gridcell", "data-cell": "", "aria-label": "no filter", "aria-colindex": 1 }));
      }
      shown.columns.forEach((column, place) => {
        const way = sort === place ? (descending ? "descending" : "ascending") : "none";
        const index = place + 1 + Number(shown.choosable);
        const th = make("th", { role: "columnheader", "aria-sort": way, "data-cell": "", "data-sort": place,
          "aria-colindex": index, scope: "col" }, column.name);
        th.addEventListener("click", () => sorted(place));
        names.append(th);
        const td = make("td", { role: "gridcell", "aria-colindex": index });
        const input = make("input", { type: "text", "data-cell": "", "data-filter": place, maxlength: 1000,
          "aria-label": `Filter ${column.name}`, placeholder: "filter" });
        input.value = filters[place] ?? "";
        input.addEventListener("input", () => {
          later({ filters: { ...page().query.filters, ...state.change?.filters, [place]: input.value } });
        });
        td.append(input);
        inputs.append(td);
      });
      const head = make("thead");
      head.append(names, inputs);
      return head;
    };
    const drawRow = (shown, row, place) => {
      const tr = make("tr", { role: "row", "aria-rowindex": shown.query.offset + place + 3, "data-row": row.id,
        "aria-selected": shown.choosable ? String(row.chosen) : null });
      const add = (text, attributes) => {
        const td = make("td", { role: "gridcell", "data-cell": "", tabindex: -1, ...attributes }, text);
        td.addEventListener("dblclick", () => open(row));
        tr.append(td);
        return td;
      };
      if (shown.choosable) {
        const mark = add(row.chosen ? "✓" : "", { "aria-colindex": 1, class: "recon-mark" });
        mark.setAttribute("aria-label", row.chosen ? "chosen" : "not chosen");
        mark.addEventListener("click", () => choose(row));
      }
      row.cells.forEach((text, at) => add(text ?? "", { dir: "auto", class: `recon-${shown.columns[at].kind}`,
        "aria-colindex": at + 1 + Number(shown.choosable) }));
      return tr;
    };
    const draw = () => {
      const shown = page(), had = grid.contains(document.activeElement), typing = document.activeElement;
      const selection = typing?.dataset?.filter === undefined ? null : [typing.value, typing.selectionStart];
      heading.textContent = shown.title;
      about.textContent = shown.about;
      grid.setAttribute("aria-label", shown.title);
      bar.setAttribute("aria-label", shown.title);
      grid.setAttribute("aria-rowcount", shown.more ? -1 : shown.shown + 2);
      grid.setAttribute("aria-colcount", shown.columns.length + Number(shown.choosable));
      if (shown.choosable) grid.setAttribute("aria-multiselectable", "true");
      const body = make("tbody");
      body.append(...shown.rows.map((row, place) => drawRow(shown, row, place)));
      grid.replaceChildren(drawHead(shown), body);
      focus(state.row, state.column, had);
      if (had && selection) [document.activeElement.value, document.activeElement.selectionStart] = selection;
      if (document.activeElement !== search) search.value = shown.query.search;
      const { offset } = shown.query;
      status.textContent = shown.status;
      position.textContent = ` Page ${number(Math.floor(offset / shown.limit) + 1)} of ${shown.more ? "…" :
        number(Math.max(1, Math.ceil(shown.shown / shown.limit)))} `;
      buttons.first.disabled = buttons.back.disabled = offset === 0;
      buttons.next.disabled = buttons.last.disabled = !shown.more && offset + shown.limit >= shown.shown;
      every.hidden = none.hidden = !shown.choosable;
      keys.textContent = `Keys: arrows, Page Up and Page Down, Home and End; Enter ${shown.opens} or sorts; ` +
        `${shown.choosable ? "Space chooses; " : ""}/ searches; Escape goes back.`;
      root.dataset.drawn = String(shown.number);
      // What is shown first is shown at once; the rest is read when it has been painted.
      if (shown.more || !state.painted) requestAnimationFrame(() => setTimeout(() => model.send({ do: "rest" })));
      state.painted = true;
    };
    const drawRecord = () => {
      const opened = model.get("record");
      record.replaceChildren();
      record.hidden = !opened.title;
      if (!opened.title) return;
      record.setAttribute("aria-label", opened.title);
      record.append(make("h4", {}, opened.title));
      for (const note of opened.notes) record.append(make("p", {}, note));
      for (const part of opened.parts) {
        const table = make("table"), head = make("tr"), body = make("tbody");
        table.append(make("caption", {}, part.title), make("thead"), body);
        head.append(...part.columns.map((name) => make("th", { scope: "col" }, name)));
        table.tHead.append(head);
        for (const row of part.rows) {
          const tr = make("tr");
          tr.append(...row.map((text) => make("td", { dir: "auto" }, text ?? "")));
          body.append(tr);
        }
        record.append(table);
      }
      if (root.contains(document.activeElement)) record.focus();
    };

    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const inGrid = (event) => {
      const shown = page(), typing = event.target.tagName === "INPUT", ends = event.ctrlKey || event.metaKey;
      const heads = 2, row = shown.rows[state.row - heads], end = heads + shown.rows.length - 1;
      // The focus moves at once, so that the next key counts from there, whenever the page arrives.
      if (event.key === "ArrowDown" && state.row === end && !buttons.next.disabled) {
        focus(heads, state.column);
        step(1);
      } else if (event.key === "ArrowUp" && state.row === heads && shown.query.offset > 0) {
        focus(end, state.column);
        step(-1);
      } else if (move[event.key] && !(typing && move[event.key][1])) {
        focus(state.row + move[event.key][0], state.column + move[event.key][1]);
      } else if (event.key === "PageDown") { if (!buttons.next.disabled) step(1); }
      else if (event.key === "PageUp") { if (!buttons.back.disabled) step(-1); }
      else if (typing) return false;
      else if (event.key === "Home") { focus(ends ? heads : state.row, 0); if (ends) first(); }
      else if (event.key === "End") { focus(ends ? end : state.row, 1e6); if (ends) last(); }
      else if (event.key === "Enter" && event.target.dataset.sort) sorted(Number(event.target.dataset.sort));
      else if (event.key === "Enter") open(row);
      else if (event.key === " " && shown.choosable) choose(row);
      else return false;
      return true;
    };
    root.addEventListener("keydown", (event) => {
      let done = grid.contains(event.target) && inGrid(event);
      if (!done && event.key === "/" && event.target.tagName !== "INPUT") done = search.focus() ?? true;
      else if (!done && event.key === "Escape") {
        if (record.contains(event.target) || event.target === search) focus(state.row, state.column);
        else if (page().back) model.send({ do: "back" });
        else el.parentElement?.closest("[tabindex]")?.focus();
        done = true;
      } else if (!done && event.target === search && (event.key === "ArrowDown" || event.key === "Enter")) {
        flush();
        focus(2, state.column);
        done = true;
      }
      if (done) event.preventDefault();
      event.stopPropagation(); // the notebook has keys of its own
    });
    grid.addEventListener("focusin", (event) => {
      const at = cells().map((row) => row.indexOf(event.target)).findIndex((place) => place >= 0);
      if (at >= 0) focus(at, cells()[at].indexOf(event.target), false);
    });
    model.on("change:page", draw);
    model.on("change:record", drawRecord);
    model.on("msg:custom", (message) => message.do === "focus" && focus(2, 0));
    draw();
    drawRecord();
  },
};
