"use strict";
(() => {
  const main = document.getElementById("main");
  const UNITS = "article, .cause, .attention li, tbody tr, .affected li";
  const units = [...main.querySelectorAll(UNITS)];
  for (const link of document.querySelectorAll(".menu a"))
    link.addEventListener("click", () => { link.closest("details").open = false; });
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();
  if (units.length < 8) return;
  const box = document.createElement("form");
  box.className = "search";
  box.setAttribute("role", "search");
  const input = Object.assign(document.createElement("input"), { type: "search", placeholder: "Search this page" });
  input.setAttribute("aria-label", "Search this page");
  const pick = document.createElement("select");
  pick.setAttribute("aria-label", "Show one outcome only");
  const kinds = [...new Set(units.map(unit => unit.dataset.outcome).filter(Boolean))];
  for (const kind of ["Every outcome", ...kinds]) pick.append(new Option(kind, kind === "Every outcome" ? "" : kind));
  const said = document.createElement("output");
  box.append(input, ...(kinds.length > 1 ? [pick] : []), said);
  const place = document.querySelector(".contents");
  if (place) place.prepend(box); else main.prepend(box);
  const narrow = document.querySelector(".menu");
  const fit = matchMedia("(min-width: 72rem)");
  const move = () => { if (narrow) (fit.matches ? place : narrow).prepend(box); };
  fit.addEventListener("change", move);
  move();
  const opened = new Set();
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean), kind = pick.value;
    const has = text => words.every(word => text.toLowerCase().includes(word));
    const shown = new Set();
    for (const unit of units) {
      const outcome = unit.closest("[data-outcome]");
      if (kind && (!outcome || outcome.dataset.outcome !== kind)) continue;
      const around = unit.parentElement.closest("article, .cause");
      const heading = around && around.querySelector("h3, .title, summary");
      if (!has(unit.textContent) && !(heading && has(heading.textContent))) continue;
      shown.add(unit);
      for (let at = unit; at; at = at.parentElement) if (at.matches("article, .cause")) shown.add(at);
    }
    const asked = words.length > 0 || kind !== "";
    for (const unit of units) unit.hidden = asked && !shown.has(unit);
    for (const part of main.querySelectorAll("section"))
      part.hidden = asked && !units.some(unit => part.contains(unit) && !unit.hidden) && (kind !== "" || !has(part.textContent));
    for (const fold of main.querySelectorAll("details")) {
      const hit = asked && [...fold.querySelectorAll(UNITS)].some(unit => !unit.hidden);
      if (hit && !fold.open) { fold.open = true; opened.add(fold); }
      if (!asked && opened.delete(fold)) fold.open = false;
    }
    const count = units.filter(unit => !unit.hidden && !unit.querySelector(UNITS)).length;
    said.textContent = !asked ? "" : count ? `${count.toLocaleString("en")} found` : "Nothing found";
  };
  box.addEventListener("submit", event => event.preventDefault());
  box.addEventListener("input", filter);
  box.addEventListener("keydown", event => { if (event.key === "Escape") { input.value = ""; pick.value = ""; filter(); } });
})();
