// What the pages do by themselves: hear of changes, keep the list still under the pointer, keys, clocks.
"use strict";

const byId = (id) => document.getElementById(id);
const queue = byId("queue");
const SILENT_MS = window.SharedWorker ? 15_000 : 75_000; // three beats of the stream, or two polls
const ABSENT_MS = 60_000;

// Hearing of changes ------------------------------------------------------------------------------------------------

let version = document.body.dataset.version;
let heardMs = Date.now();

function hear(newest) {
  heardMs = Date.now();
  if (newest !== version) {
    version = newest;
    htmx.trigger(document.body, "changed");
  }
}

function listen() {
  const { port } = new SharedWorker("/static/worker.js");
  port.onmessage = (event) => hear(event.data);
  addEventListener("pagehide", () => port.postMessage("goodbye"));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// A turn later, as htmx starts: before, nobody would act on "changed", and a worker that runs already speaks at once.
if (window.SharedWorker) setTimeout(listen);

// What could not be fetched is asked for again at the next beat.
document.body.addEventListener("htmx:error", () => (version = ""));

function showSilence() {
  const silent = Date.now() - heardMs > SILENT_MS;
  if (silent && byId("unreachable").hidden) byId("unreachable-since").textContent = utc(new Date(heardMs));
  byId("unreachable").hidden = !silent;
}

// Clocks and times --------------------------------------------------------------------------------------------------

const offset = -new Date().getTimezoneOffset();
const zone = `${offset < 0 ? "−" : "+"}${String(Math.floor(Math.abs(offset) / 60)).padStart(2, "0")}:${String(Math.abs(offset) % 60).padStart(2, "0")}`;

const utc = (date) => `${date.toISOString().slice(11, 19)} UTC`;
const localClock = (date) => date.toTimeString().slice(0, 8);
const local = (date) => `${date.toLocaleDateString("sv")} ${localClock(date)} (UTC${zone})`;

function showClock() {
  const now = new Date();
  byId("clock-utc").textContent = utc(now);
  byId("clock-local").textContent = offset ? `${localClock(now)} (UTC${zone})` : "";
}

function showLocalTimes() {
  if (!offset) return;
  for (const time of document.querySelectorAll("time[data-local]")) {
    time.dataset.seen = localClock(new Date(time.dateTime)).slice(0, 5);
  }
}

document.addEventListener("mouseover", ({ target }) => {
  const time = target.closest("time");
  if (time) time.title = `${time.dateTime.replace("T", " ").replace("Z", " UTC")}\n${local(new Date(time.dateTime))}`;
});

setInterval(() => { showClock(); showSilence(); }, 1000);

// The list ----------------------------------------------------------------------------------------------------------

let touchedMs = 0;
for (const kind of ["pointermove", "keydown"]) addEventListener(kind, () => (touchedMs = Date.now()), { passive: true });

function someoneIsThere() {
  const near = queue.matches(":hover") || queue.contains(document.activeElement);
  return near && Date.now() - touchedMs < ABSENT_MS;
}

/** The list is brought up to date only while nobody points at it or moves in it; else a chip offers it. */
function settleQueue() {
  const waiting = queue.querySelector("[data-waiting]").dataset.waiting;
  document.title = `${waiting === "0" ? "" : `(${waiting}) `}Queue · call watch`;
  if (byId("fresh") && !someoneIsThere()) byId("fresh").click();
}

document.body.addEventListener("htmx:after:swap", () => {
  showLocalTimes();
  if (queue) settleQueue();
});

// Forms -------------------------------------------------------------------------------------------------------------

let problemTimer = 0;

function showProblem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = false;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => (byId("problem").hidden = true), 12_000);
}

document.body.addEventListener("htmx:response:error", ({ detail }) => {
  try {
    const { title, detail: more } = JSON.parse(detail.ctx.text);
    showProblem(`${title}: ${more}`);
  } catch {
    showProblem("The server could not do that.");
  }
});

document.body.addEventListener("htmx:after:request", ({ detail, target }) => {
  if (detail.ctx.response.status < 500) heardMs = Date.now();
  if (detail.ctx.response.status >= 400 || !target.matches?.("form[data-reset]")) return;
  target.reset();
  target.closest("details")?.removeAttribute("open");
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(location.origin + button.dataset.copy);
  button.textContent = "Copied";
});

// Keys --------------------------------------------------------------------------------------------------------------

const keysOn = byId("keys-on");
keysOn.checked = localStorage.getItem("keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));

function step(by) {
  const links = [...document.querySelectorAll("a.open")];
  const row = document.activeElement.closest("tr");
  const at = links.findIndex((link) => link.closest("tr") === row);
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next]?.focus();
}

const press = (within, key) => within?.querySelector(`[data-key="${key}"]`)?.click();

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => press(queue ? document.activeElement.closest("tr") : document, "a"),
  n: () => press(document, "n"),
  q: () => location.assign("/"),
  "/": () => byId("search")?.focus(),
  "?": () => byId("menu").toggleAttribute("open"),
};

addEventListener("keydown", (event) => {
  if (event.key === "Escape") byId("menu").removeAttribute("open");
  const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
  if (typing || !keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

showClock();
showLocalTimes();
if (queue) settleQueue();
