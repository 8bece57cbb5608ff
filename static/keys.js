// Keys, the search, and the selection in the inbox: quicker ways to what links and buttons do.
(() => {
  const { $, $$, on, byId, counted } = window.desk;
  const { body } = document;

  // The server writes times in the zone of the browser, unless the profile names another one.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (timeZone && !document.cookie.split("; ").includes(`tz=${timeZone}`)) {
    document.cookie = `tz=${timeZone}; path=/; max-age=31536000; samesite=lax`;
  }

  // Without scripts the button is not there.
  for (const button of $$("[data-reveals]")) {
    button.hidden = false;
    button.onclick = () => {
      const field = byId(button.dataset.reveals), hides = field.type === "password";
      field.type = hides ? "text" : "password";
      button.ariaPressed = hides;
    };
  }

  // --- Search and the list of keys ---

  function open(name) {
    if (!byId(name)?.open) byId(name)?.showModal();
    const field = name === "palette" && byId("palette-q");
    if (!field) return;
    field.select();
    field.focus();
    htmx.trigger(field.form, "palette:open");
  }

  // A dialog that came with an answer. A second press of what asked for it must not hit it.
  let opened = 0;

  on("inbox:drawn", () => {
    const box = $("dialog[data-settle]:not(:modal)");
    if (!box?.open) return;
    box.close();
    box.showModal();
    opened = Date.now();
  });

  on("click", (event) => {
    const box = event.target.closest?.("dialog[data-settle]");
    if (box && Date.now() - opened < 600) event.preventDefault();
  });

  // A reason that is ready: as if typed, so that it is kept, and Ctrl+Z takes it back.
  on("click", ({ target: { dataset: { fill } } }) => {
    if (!fill) return;
    byId("why").focus();
    document.execCommand("insertText", false, fill);
  });

  // --- Selection ---

  const picked = new Set();
  const boxes = () => $$("#list [name=sel]:enabled");
  let last = null; // the box that was ticked last
  let soon = 0;

  function count() {
    const bar = byId("review");
    if (bar && picked.size) bar.textContent = counted(bar, "picked", picked.size);
  }

  // Where there is room the panel follows the boxes; on a phone a button opens it.
  function select() {
    picked.clear();
    for (const box of boxes()) if (box.checked) picked.add(box.value);
    count();
    clearTimeout(soon);
    if (matchMedia("(width >= 62rem)").matches) soon = setTimeout(review, 150);
  }

  function review() {
    const link = $("#list [aria-current] a.t"), focused = document.activeElement;
    if (picked.size || !link) {
      htmx.trigger(byId("selection"), "inbox:selected");
      return;
    }
    htmx.ajax("GET", link.href, { target: "#pane", swap: "innerHTML" })
      .then(() => focused.focus({ preventScroll: true }));
  }

  function clear() {
    for (const box of boxes()) box.checked = false;
    select();
  }

  // What was ticked while the rows were on their way stays ticked.
  on("inbox:drawn", () => {
    for (const box of boxes()) box.checked = picked.has(box.value);
    for (const value of [...picked]) {
      if (!boxes().some((box) => box.value === value)) picked.delete(value);
    }
    count();
  });

  // Other filters may have taken rows away that were ticked.
  on("htmx:afterSettle", ({ detail: { target } }) => {
    if (target.id === "found" && byId("bulk")) setTimeout(select); // once what stays is ticked
  });

  function tick(box, range) {
    const all = boxes();
    const ends = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    if (range && ends[0] >= 0) {
      for (const each of all.slice(ends[0], ends[1] + 1)) each.checked = box.checked;
    }
    last = box;
    select();
  }

  // --- After a decision ---

  let calm = 0; // until when a and r do nothing

  // The rows that follow the open one, from the top again after the last.
  function following() {
    const rows = $$("#list .row"), at = rows.findIndex((row) => row.matches("[aria-current]"));
    const order = [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0))];
    return order.filter((row) => !row.matches(".done")).slice(0, 10);
  }

  // The next request, fetched while this one is read: then a decision need not wait for it.
  let ahead = {};
  let later = 0;
  const address = (row) => row && $("a.t", row).href;

  async function readAhead() {
    const href = address(following()[0]);
    if (!href || !$("#panel .approve") || body.dataset.autoAdvance === "off") return;
    if (href === ahead.href && Date.now() < ahead.until) return;
    const coming = ahead = { href, until: Date.now() + 60000 };
    const answer = await fetch(href, { headers: { "HX-Request": "true" } });
    const html = await answer.text();
    if (answer.ok) Object.assign(coming, { html, rev: answer.headers.get("X-Rev") });
  }

  on("inbox:drawn", () => {
    clearTimeout(later);
    // Without a line nothing is lost.
    later = setTimeout(() => readAhead().catch(() => { ahead = {}; }), 200);
  });

  // The server opens the first of these that still waits; else any, for more may be held back.
  on("htmx:configRequest", ({ detail }) => {
    const { verb, path, parameters } = detail;
    if (verb !== "post" || !/\/decision\/(\?|$)/.test(path)) return;
    if (body.dataset.autoAdvance === "off" || !byId("list")) return;
    const rows = following();
    parameters.next = [...rows.map((row) => row.id.slice(4)), "any"];
    if (address(rows[0]) !== ahead.href || !ahead.rev || Date.now() > ahead.until) return;
    parameters.ahead = ahead.rev;
    detail.ahead = ahead.html;
  });

  on("htmx:beforeSwap", ({ detail }) => {
    const { requestConfig, target, xhr } = detail;
    if (target.id !== "pane" || requestConfig.verb !== "post") return;
    calm = Date.now() + 400;
    // Nothing of it has changed, says the server.
    if (xhr.getResponseHeader("X-Ahead")) {
      detail.serverResponse = requestConfig.ahead + detail.serverResponse;
    }
  });

  on("htmx:afterRequest", ({ detail: { requestConfig: { elt, verb }, successful, xhr } }) => {
    // Successful to htmx is also what is drawn: 409, 422. Without a line the status is 0.
    if (elt.id !== "bulk" || verb !== "post" || !successful || xhr.status >= 300) return;
    picked.clear();
    for (const box of boxes()) box.checked = false;
  });

  on("htmx:afterSettle", ({ detail }) => {
    if (detail.target.id === "pane") {
      $("#list [aria-current]")?.scrollIntoView({ block: "nearest" });
    }
  });

  // --- Clicks ---

  on("click", (event) => {
    const { target, shiftKey } = event;
    const near = (selector) => target.closest?.(selector);
    const opener = near("[data-open]");
    if (near("#list [name=sel]")) tick(target, shiftKey);
    if (near("[data-clear]")) {
      event.preventDefault();
      clear();
    }
    if (opener && !event.ctrlKey && !event.metaKey && !shiftKey) {
      event.preventDefault();
      open(opener.dataset.open);
    }
  });

  // --- Keys ---

  const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  const current = () =>
    document.activeElement.closest("#list .row") ?? $("#list .row[aria-current]");

  // With a selection only the focus moves: the panel stays.
  function step(by) {
    const rows = $$("#list .row:not(.done)");
    const row = rows[rows.indexOf(current()) + by];
    if (!row) return;
    const link = $("a.t", row);
    link.focus();
    if (!picked.size) link.click();
  }

  function reject() {
    const reason = $("#panel textarea[name=comment]");
    // Without a reason nothing is recorded: the answer is the form that asks for it.
    if (reason?.value || $(".rejecting")) reason.focus();
    else $("#panel .reject")?.click();
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => ($("#pane .full > :last-child") ?? (current() && $("a.t", current())))?.click(),
    x: (shiftKey) => {
      const more = { bubbles: true, cancelable: true, shiftKey };
      const box = current() && $("[name=sel]", current());
      box?.dispatchEvent(new MouseEvent("click", more));
    },
    a: () => Date.now() > calm && $("#panel .approve")?.click(),
    r: () => Date.now() > calm && reject(),
    u: () => ($("[data-undo] button") ?? byId("undo"))?.click(),
    c: () => byId("talk-text")?.focus(),
    "/": () => open("palette"),
    "?": () => open("shortcuts"),
  };

  let went = 0; // when g was pressed

  function press(key, event) {
    const { target, shiftKey } = event;
    const inList = target === body || target.closest("#list");
    if (key === "ArrowDown" && inList) key = "j";
    if (key === "ArrowUp" && inList) key = "k";
    if (key === "Enter" && !target.closest("a, button, summary, input")) key = "o";
    if (Date.now() - went < 1000) {
      went = 0;
      $(`[data-go="${CSS.escape(key)}"]`)?.click();
    } else if (key === "g") {
      went = Date.now();
    } else if (KEYS[key] && (!shiftKey || "x?/".includes(key))) {
      event.preventDefault();
      KEYS[key](shiftKey);
    }
  }

  // In the search: the arrows walk through what was found, Enter opens the first.
  function walk(event) {
    const places = [byId("palette-q"), ...$$("#hits a")];
    const at = places.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (at < 0 || (to === undefined && (event.key !== "Enter" || at > 0 || !places[1]))) return;
    event.preventDefault();
    if (to === undefined) places[1].click();
    else places[to]?.focus();
  }

  function escape(target) {
    const typing = target.matches(FIELDS);
    if (typing) target.blur();
    if ($(".rejecting")) $(".rejecting a.btn")?.click();
    else if (!typing && picked.size) clear();
  }

  on("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (event.repeat || event.isComposing || event.defaultPrevented) return;
    if (key.toLowerCase() === "k" && ctrlKey !== metaKey && !altKey) {
      event.preventDefault();
      open("palette");
    } else if (target.closest(".palette")) {
      walk(event);
    } else if (!ctrlKey && !metaKey && !altKey && !$("dialog[open], details.menu[open]")) {
      if (key === "Escape") escape(target);
      else if (body.dataset.shortcuts !== "off" && !target.closest(FIELDS)) {
        press(key.length === 1 ? key.toLowerCase() : key, event);
      }
    }
  });
})();
