// What a page does beside its forms and links: keys, a refresh that keeps the place, typed work that survives.
// Every page works without it; nothing here decides what is recorded.
"use strict";

(() => {
  const DRAFT = "basira-draft:";
  const ACTIVE_MS = 5 * 60 * 1000;
  const REFRESH_MS = 30 * 1000;
  let lastInput = Date.now();

  const isTyping = (target) =>
    target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");

  const rows = () => [...document.querySelectorAll(".row-link")];

  function moveRow(step) {
    const all = rows();
    if (!all.length) return false;
    const at = all.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next].focus();
    return true;
  }

  // In a line of the result form 1, 2 and 3 answer it and go to the next one.
  function answerLine(place) {
    const line = document.activeElement.closest("fieldset.line");
    if (!line) return false;
    const choices = [...line.querySelectorAll("input[type=radio]")];
    const chosen = choices[place - 1];
    if (!chosen) return false;
    chosen.click();
    const lines = [...line.form.querySelectorAll("fieldset.line")].filter((one) => one.querySelector("input[type=radio]"));
    const next = lines[lines.indexOf(line) + 1];
    if (next) next.querySelector("input[type=radio]:checked, input[type=radio]").focus();
    else line.form.querySelector("[data-records]").focus();
    return true;
  }

  const openHelp = () => {
    const help = document.getElementById("help");
    if (help && !help.open) help.showModal();
    return Boolean(help);
  };

  const KEYS = {
    j: () => moveRow(1),
    k: () => moveRow(-1),
    n: () => {
      const next = document.getElementById("next");
      if (next) next.click();
      return Boolean(next);
    },
    t: () => {
      const row = document.activeElement.closest("tr");
      const button = (row || (document.getElementById("queue") ? null : document))?.querySelector("button.take");
      if (button) button.click();
      return Boolean(button);
    },
    "/": () => {
      const search = document.getElementById("search");
      if (search) search.focus();
      return Boolean(search);
    },
    "?": openHelp,
    1: () => answerLine(1),
    2: () => answerLine(2),
    3: () => answerLine(3),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && event.target.id === "search") return event.target.blur();
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (act && act()) event.preventDefault();
  });

  // What only works here is shown here, and its stand-in without scripts is not.
  document.documentElement.classList.add("scripted");
  document.addEventListener("click", (event) => {
    const filler = event.target.closest("[data-fill]");
    const field = filler && document.getElementById(filler.dataset.fill);
    if (!field) return;
    field.value = filler.dataset.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) openHelp();
  });

  // The first steps are shown to each person of this browser until they are done with them.
  const tour = document.getElementById("tour");
  const tourKey = `basira-tour:${document.body.dataset.user}`;
  const showTour = (isShown) => {
    if (!tour) return;
    tour.hidden = !isShown;
    try {
      if (isShown) localStorage.removeItem(tourKey);
      else localStorage.setItem(tourKey, "done");
    } catch { /* without storage it is shown again */ }
  };
  try {
    if (tour && !localStorage.getItem(tourKey)) tour.hidden = false;
  } catch { /* without storage nothing is shown before it is asked for */ }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tour]");
    if (!button) return;
    showTour(button.dataset.tour === "again");
    document.getElementById("help")?.close();
    (tour.hidden ? document.getElementById("main") : tour.querySelector("button")).focus();
  });

  // A queue is asked for anew while its reader is at work. A page that nobody looks at lets the session end.
  for (const kind of ["keydown", "pointerdown", "pointermove", "scroll"]) {
    document.addEventListener(kind, () => { lastInput = Date.now(); }, { passive: true, capture: true });
  }
  setInterval(() => {
    if (document.hidden || Date.now() - lastInput > ACTIVE_MS) return;
    if (document.getElementById("queue")) document.body.dispatchEvent(new Event("basira:refresh"));
  }, REFRESH_MS);

  // What was typed stays in this tab until it is recorded: a session may end, a connection may break.
  const keyOf = (form) => `${DRAFT}${document.body.dataset.user}:${form.dataset.draft}`;
  const kept = (form) =>
    [...form.elements].filter((one) => one.name && one.type !== "hidden" && one.type !== "submit" && one.tagName !== "FIELDSET");

  function store(form) {
    const values = {};
    for (const one of kept(form)) {
      if (one.type === "radio" || one.type === "checkbox") {
        if (one.checked) values[one.name] = one.value;
      } else if (one.value) values[one.name] = one.value;
    }
    try {
      sessionStorage.setItem(keyOf(form), JSON.stringify(values));
    } catch { /* without storage the form works as any other */ }
  }

  function restore(form) {
    let values;
    try {
      values = JSON.parse(sessionStorage.getItem(keyOf(form)) || "null");
    } catch { values = null; }
    if (!values) return;
    for (const one of kept(form)) {
      if (one.type === "radio" || one.type === "checkbox") one.checked = values[one.name] === one.value;
      else if (one.name in values) one.value = values[one.name];
      const details = one.closest("details");
      if (details && (one.checked || (one.type !== "radio" && one.type !== "checkbox" && one.value))) details.open = true;
    }
    // What is computed of what was typed comes back with it, once the page can ask for it.
    const typed = kept(form).find((one) => one.closest(".found-fields") && one.value);
    if (!typed) return;
    const ask = () => typed.dispatchEvent(new Event("input", { bubbles: true }));
    // htmx begins to listen before or after "load", as it comes. To ask twice within its delay is to ask once.
    window.addEventListener("load", ask);
    typed.closest(".found-fields").addEventListener("htmx:after:init", ask, { once: true });
  }

  function followConclusion(form) {
    form.addEventListener("change", (event) => {
      const { name, value } = event.target;
      // A confirmed suspicion is an irregularity: the conclusion follows, and may still be changed.
      const line = /^line-(\d+)-/.exec(name);
      if (line && value === "confirmed") {
        const conclusion = form.querySelector(`input[name="item-${line[1]}"][value="irregular"]`);
        if (conclusion && !form.querySelector(`input[name="item-${line[1]}"]:checked`)) conclusion.checked = true;
      }
      for (const details of form.querySelectorAll("details[data-opens-with]")) {
        const chosen = form.querySelector(`input[name="${details.dataset.opensWith}"]:checked`);
        if (chosen && chosen.value === "irregular") details.open = true;
      }
      store(form);
    });
    form.addEventListener("input", () => store(form));
  }

  // What is recorded is no draft any more.
  for (const one of document.querySelectorAll("[data-recorded]")) {
    try {
      sessionStorage.removeItem(`${DRAFT}${document.body.dataset.user}:${one.dataset.recorded}`);
    } catch { /* nothing was kept */ }
  }

  for (const form of document.querySelectorAll("form[data-draft]")) {
    // A page that comes back with faults holds what was sent; what is stored is the same or older.
    if (!form.querySelector("[aria-invalid]")) restore(form);
    followConclusion(form);
  }

  // Without a connection nothing is sent: a form would be lost on the browser's own page of the fault.
  const showConnection = () => {
    const notice = document.getElementById("offline");
    if (notice) notice.hidden = navigator.onLine;
  };
  window.addEventListener("offline", showConnection);
  window.addEventListener("online", showConnection);
  showConnection();
  document.addEventListener("submit", (event) => {
    if (navigator.onLine) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    showConnection();
  });

  // One click, one request. The record itself takes the second of two as the first.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
  });

  const fault = document.querySelector("[data-focus]");
  if (fault) fault.focus();
})();
