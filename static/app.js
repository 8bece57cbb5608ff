// What the pages do beyond links and forms. Every page works without it.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, handler, options) => document.addEventListener(type, handler, options);
  const byId = (id) => document.getElementById(id);
  const list = () => byId("list");
  const isList = (element) => element?.id === "list";

  // The words are the templates', translated: data-<name> of the element that says them.
  const words = ({ dataset }, name, values = {}) =>
    (dataset[name] ?? dataset.failed ?? "").replace(/\{(\w+)\}/g, (all, key) => values[key]);

  // Neither a poll nor the list's own refresh.
  const byHand = ({ requestConfig }) =>
    ["click", "submit"].includes(requestConfig?.triggeringEvent?.type);

  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
  const page = document.documentElement.lang || "en";
  // The page's language as the reader's region writes it.
  const lang = navigator.languages?.find((one) => one.startsWith(page)) ?? page;

  // data-<name> holds the wording for one number of each kind: {"1": "{n} request", "2": …}.
  const rules = new Intl.PluralRules(page);
  function counted(element, name, n) {
    const forms = JSON.parse(element.dataset[name]);
    const same = (each) => rules.select(each) === rules.select(n);
    return (forms[n] ?? forms[Object.keys(forms).find(same)] ?? forms[0]).replace("{n}", n);
  }

  window.desk = { $, $$, on, byId, counted }; // for keys.js

  // --- Times ---

  // The reader's, where it is not the browser's.
  const { timeZone } = document.body.dataset;
  const format = (options) =>
    new Intl.DateTimeFormat(lang, { ...options, timeZone, hourCycle: "h23" });
  const absolute = format({ dateStyle: "medium", timeStyle: "long" });
  const clock = format({ timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat(page, { numeric: "always" });
  const units = {}; // to make one takes longer than all of its uses
  const unit = (n, name) =>
    (units[name] ??=
      new Intl.NumberFormat(page, { style: "unit", unit: name, unitDisplay: "long" })).format(n);

  // As the server's `duration` rounds: [3, "hour"], [1, "hour", 55].
  function measure(ms) {
    const minutes = Math.floor(Math.abs(ms) / MINUTE);
    if (minutes < 60) return [minutes, "minute"];
    if (minutes >= 48 * 60) return [Math.floor(minutes / 1440), "day"];
    const hours = Math.floor(minutes / 60);
    return [hours, "hour", hours > 1 ? 0 : minutes % 60];
  }

  // 42 minutes, 1 hour 55 minutes, 3 hours, 2 days
  function inWords(ms) {
    const [n, name, rest] = measure(ms);
    return unit(n, name) + (rest ? ` ${unit(rest, "minute")}` : "");
  }

  // 3 minutes ago, in 1 hour 55 minutes
  function showAgo(time, ms) {
    if (Math.abs(ms) < MINUTE) return; // what the server says of now holds
    const [n, name] = measure(ms);
    const text = relative.format(ms < 0 ? -n : n, name);
    time.textContent = text.replace(unit(n, name), inWords(ms));
  }

  // 42<small>min</small> in a row, as the server's `countdown`; else, with the words of
  // data-left="{time} left" and data-over="{time} over", 42 minutes left; within a minute of the
  // deadline those of data-last and data-up.
  function showLeft(time, ms) {
    const minutes = Math.floor(Math.abs(ms) / MINUTE), over = ms < 0;
    if (time.dataset.left) {
      const name = minutes ? (over ? "over" : "left") : over ? "up" : "last";
      time.textContent = words(time, name, { time: inWords(ms) });
      return;
    }
    time.parentNode.toggleAttribute("data-over", over);
    const hours = Math.floor(minutes / 60), rest = minutes % 60;
    const [n, name, more = ""] =
      !minutes ? (over ? ["", "just"] : ["&lt;1", "min"]) :
      hours >= 48 ? [Math.floor(hours / 24), "d"] :
      hours > 1 || (hours && !rest) ? [hours, "h"] :
      hours ? [hours, "h", ` ${rest < 10 ? "0" : ""}${rest}`] : [minutes, "min"];
    time.innerHTML = `${n}<small>${words(byId("problem"), name)}</small>${more}`;
  }

  // Only upwards: the server may call something urgent earlier, by the share that is left.
  function raise(place, ms) {
    const order = ["ok", "soon", "now"];
    const level = ms < HOUR ? 2 : ms < 2 * HOUR ? 1 : 0;
    if (place && order.indexOf(place.dataset.urg) < level) place.dataset.urg = order[level];
  }

  function showTimes() {
    for (const time of $$("time[datetime]")) {
      const at = Date.parse(time.dateTime);
      if (!at || !time.dateTime.includes("T")) continue; // a mere day is the same everywhere
      if (time.title) time.title = absolute.format(at);
      const ms = at - Date.now();
      if ("relative" in time.dataset) showAgo(time, ms);
      if ("left" in time.dataset || time.matches(".row .when time")) {
        showLeft(time, ms);
        raise(time.closest("[data-urg]"), ms);
      }
    }
  }

  // --- The list that keeps itself fresh ---
  // Every 5 s while in use, every 60 s while only in view. X-Rev says what is shown; 204: nothing
  // is newer.

  let used = Date.now(), asked = used, answered = used;
  let drawn = used;     // when all rows were: their bars and groups follow the time
  let waiting = 0;      // how much is held back
  let showNow = false;  // the reader asked for them
  let told = 0;         // when they were last read out

  function refresh() {
    if (document.hidden || !list()) return;
    asked = Date.now();
    document.body.dispatchEvent(new CustomEvent("inbox:refresh"));
  }

  function beat() {
    const pause = Date.now() - used < MINUTE ? 5 * SECOND : MINUTE;
    if (Date.now() - asked >= pause - SECOND / 2) refresh();
  }

  function live(state) {
    for (const dot of $$(".live, #again .btn")) {
      dot.dataset.state = state;
      const text = words(dot, state, { time: clock.format(answered) });
      if (dot.textContent !== text) dot.textContent = text;
    }
    if (byId("again")) byId("again").hidden = state !== "off";
  }

  const left = () => $$("#list .row:not(.done)").length;
  // Who decides one after another is about to get beyond what is shown; there is more.
  const runsOut = () => left() <= 5 && Boolean($("#list .row.done") && $("#pager .btn"));

  // Rows must not move under a pointer or the focus, nor where one has scrolled to.
  function busy() {
    const here = list();
    if (!left()) return false;
    const hovered = matchMedia("(hover: hover)").matches && here.matches(":hover");
    const scrolled = !runsOut() && Math.max(here.closest(".list")?.scrollTop ?? 0, scrollY) > 4;
    return hovered || scrolled || here.contains(document.activeElement);
  }

  // Said aloud at most once a minute, whether they wait or are drawn.
  function tell(count) {
    const text = counted(list(), "new", count);
    if (count && Date.now() - told > MINUTE) {
      told = Date.now();
      say(text);
    }
    return text;
  }

  // `count` are new, others of those `held` back have only moved up.
  function offer(count, held = 0) {
    const text = tell(count);
    waiting = held;
    $(".fresh:not(#again)")?.remove();
    if (!count || !held) return;
    list().insertAdjacentHTML(
      "beforebegin", '<p class="fresh"><button class="btn" type="button"></button></p>',
    );
    $(".fresh:not(#again) .btn").textContent = `${text} ${list().dataset.show}`;
  }

  // Rows that are shown take their news in place; new ones wait, and so do banners.
  function hold(coming, count) {
    const shown = new Map($$(".row[id]", list()).map((row) => [row.id, row]));
    let added = 0;
    for (const row of $$(".row[id]", coming)) {
      const old = shown.get(row.id);
      shown.delete(row.id);
      if (old) {
        Idiomorph.morph(old, row.outerHTML, { morphStyle: "outerHTML" });
        htmx.process(byId(row.id));
      } else {
        added += 1;
      }
    }
    for (const gone of shown.values()) {
      gone.classList.add("done");
      for (const box of $$("input", gone)) box.disabled = true;
    }
    offer(count, added);
    waiting ||= 1;
    dress();
  }

  on("htmx:configRequest", ({ detail }) => {
    const rev = detail.elt.dataset?.rev;
    // Without X-Rev all rows come: what was held back is due, or time has passed.
    const due = showNow || (waiting && !busy()) || Date.now() - drawn > 5 * MINUTE;
    if (isList(detail.elt) && rev && !due) detail.headers["X-Rev"] = rev;
  });

  on("htmx:beforeSwap", ({ detail }) => {
    if (!isList(detail.target) || !detail.shouldSwap) return;
    drawn = Date.now();
    const coming = new DOMParser().parseFromString(detail.serverResponse, "text/html");
    const count = $$("[data-new]", coming).filter(({ id }) => !byId(id)).length;
    if (!showNow && busy()) {
      detail.shouldSwap = false;
      hold(coming, count);
    } else {
      offer(waiting ? 0 : count);
      if (runsOut()) list().closest(".list").scrollTop = 0; // to the open one, first from now on
    }
  });

  // Rows that are on their way were asked for with the filters of before.
  on("htmx:beforeSwap", ({ detail: { target } }) => {
    if (target.id === "found") htmx.trigger(list(), "htmx:abort");
  });

  // What is being typed is newer than what it was when somebody asked.
  Idiomorph.defaults.ignoreActiveValue = true;

  // htmx takes leave of what goes element by element; only what asked has to stay until then.
  on("htmx:beforeSwap", ({ detail: { target, shouldSwap, serverResponse, requestConfig } }) => {
    if (target.id !== "pane" || !shouldSwap) return;
    if ($$("[hx-preserve]", target).some(({ id }) => serverResponse.includes(id))) return;
    for (const part of [...target.children]) if (!part.contains(requestConfig.elt)) part.remove();
  });

  // Only the list's own answer says what the list shows; any other, that there may be news.
  on("inbox:rev", ({ detail, target }) => {
    if (isList(target)) target.dataset.rev = detail.value;
    else setTimeout(refresh);
  });

  // Before the next one is open, and until the list is asked for anew: of itself, and not while one
  // decision follows another, unless the rows run out; within a second where there are more.
  on("inbox:decided", () => {
    $("#list [aria-current]")?.classList.add("done");
    if (left() > 5) asked = Date.now();
    else if (runsOut()) asked = 0;
  });

  let count = null;
  const most = (n) => (n > 1000 ? words(byId("problem"), "most") : n);

  // "9" or "99+" in the navigation, "9 waiting" above the list, "(9) Inbox" in the title.
  function showCount(heading) {
    if (!list()) return;
    let [, badge = "", title] = document.title.match(/^(\(\d+\+? ?\) )?(.*)/);
    if (count !== null) {
      const short = count > 99 ? "99+" : String(count || "");
      for (const place of $$("nav .n")) place.textContent = short;
      byId("count").textContent = most(count);
      badge = short && `(${short}) `;
    }
    // Title of the open request – Inbox – Countersign
    if (heading) title = [heading, ...title.split(" – ").slice(-2)].join(" – ");
    document.title = badge + title;
  }

  on("inbox:count", ({ detail }) => {
    count = detail.decide;
    for (const tab of $$("[data-count]")) { // after a decision those of the others come later
      if (tab.dataset.count in detail) tab.textContent = most(detail[tab.dataset.count]);
    }
    showCount();
  });

  for (const type of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    on(type, () => { used = Date.now(); }, { passive: true, capture: true });
  }

  on("visibilitychange", () => {
    used = Date.now();
    if (document.hidden) live("paused");
    refresh();
  });

  // --- What went wrong or was done ---

  let lasting = false; // a refusal, until the next success by hand; not a lost line

  function problem(text, stays) {
    if (byId("problem").textContent !== text) byId("problem").textContent = text;
    lasting = stays;
  }

  function say(text) {
    byId("status").textContent = "";
    setTimeout(() => { byId("status").textContent = text; }, 50); // the same again is news, too
  }

  // The server's own sentence is better than ours.
  const saysProblem = (xhr) => /"problem":/.test(xhr.getResponseHeader("HX-Trigger") ?? "");

  on("problem", ({ detail }) => problem(detail.value, true));
  on("say", ({ detail }) => say(detail.value));

  // Without a line nothing has left; with one, the answer alone may be what was lost.
  on("htmx:beforeSend", ({ detail: { requestConfig } }) => {
    requestConfig.cause = navigator.onLine ? "lost" : "offline";
  });

  for (const type of ["htmx:sendError", "htmx:timeout"]) {
    on(type, ({ detail }) => {
      if (byHand(detail)) problem(words(byId("problem"), detail.requestConfig.cause), false);
      else live("off");
    });
  }

  on("htmx:responseError", ({ detail }) => {
    const { xhr } = detail, seconds = +xhr.getResponseHeader("Retry-After");
    if (!byHand(detail)) live("off");
    else if (saysProblem(xhr)) return;
    else if (xhr.status === 429 && seconds) countDown(seconds);
    else problem(words(byId("problem"), xhr.status), true);
  });

  // Read out once; then only the number changes.
  function countDown(seconds, before = "") {
    const box = byId("problem");
    if (before && box.textContent !== before) return; // there is other news
    box.ariaLive = before && "off";
    const text = seconds > 0 ? words(box, "wait", { n: seconds }) : "";
    problem(text, true);
    if (text) setTimeout(countDown, SECOND, seconds - 1, text);
    else box.removeAttribute("aria-live");
  }

  on("htmx:afterRequest", ({ detail }) => {
    const { elt, successful, xhr } = detail;
    if (!successful) return;
    if (isList(elt)) {
      answered = Date.now();
      showNow = false;
    }
    live("on");
    if (!saysProblem(xhr) && (byHand(detail) || !lasting)) problem("", false);
  });

  // --- A typed reason is kept until it was recorded ---

  const forget = (id) => sessionStorage.removeItem(`why:${id}`);

  // Before anything is drawn: what is fresh must not be filled with what was sent.
  on("htmx:beforeOnLoad", ({ detail: { requestConfig: { elt: form, path, verb }, xhr } }) => {
    // Neither typed again (422, 409) nor sent away to sign in.
    if (verb !== "post" || xhr.status >= 300 || xhr.getResponseHeader("HX-Redirect")) return;
    for (const field of $$("[data-keep]", form)) forget(field.dataset.keep);
    const [, , id, what] = path.split("/");
    if (what === "decision") forget(id); // where a dialog was what was sent
  });

  on("input", ({ target }) => {
    if (!target.dataset?.keep) return;
    if (target.value) sessionStorage.setItem(`why:${target.dataset.keep}`, target.value);
    else forget(target.dataset.keep);
  });

  function restore() {
    for (const done of $$("[data-recorded]")) forget(done.dataset.recorded);
    for (const field of $$("textarea[data-keep]")) {
      field.value ||= sessionStorage.getItem(`why:${field.dataset.keep}`) ?? "";
    }
  }

  // --- After every swap ---

  const start = location.pathname;

  // The open row is the one whose address is in the address bar.
  function markOpen() {
    const rows = $$("#list .row");
    const open = rows.find((row) => $("a.t", row)?.pathname === location.pathname);
    if (!open && location.pathname === start) return;
    for (const row of rows) {
      if (row === open) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  function dress() {
    showTimes();
    showCount();
    restore();
    markOpen();
    document.dispatchEvent(new Event("inbox:drawn"));
  }

  let dressed = false; // once for an answer, of which each part settles

  on("htmx:afterSettle", ({ detail }) => {
    if (dressed) return;
    dressed = true;
    queueMicrotask(() => { dressed = false; dress(); });
    const pane = detail.target;
    // What was pressed may be gone, and the focus with it.
    if (byHand(detail) && document.activeElement === document.body) {
      ($("#pane h1") ?? byId("main")).focus();
    }
    if (pane?.id !== "pane") return;
    // On a phone either the list or the pane is shown.
    pane.closest(".split")?.classList.toggle("has-open", Boolean($(".dhead", pane)));
    const heading = $("h1", pane);
    showCount(heading?.textContent);
    if (!byHand(detail)) return;
    pane.scrollTop = 0;
    if (!matchMedia("(width >= 62rem)").matches) scrollTo(0, 0);
    if (!pane.contains(document.activeElement)) heading?.focus();
  });

  // --- Forms and menus ---

  // htmx has taken care of its own forms before this sees them.
  on("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    setTimeout(() => { // disabled at once it would not be sent
      for (const button of $$("button:not([type=button]):enabled", form)) {
        button.disabled = true;
        button.dataset.sent = "";
      }
    });
  });
  addEventListener("pageshow", () => {
    for (const button of $$("button[data-sent]")) button.disabled = false;
  });

  // Where print.css alone cannot unfold them: Chrome before 131, Firefox 143, Safari 18.4.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = $$("details:not(.menu, [open])");
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
  });

  on("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat) {
      const form = event.target.closest?.("form");
      // Never .approve: what was typed may say no.
      const button = form && $(":is(.primary, .noSolid, [data-send]):enabled", form);
      button?.click(); // htmx sends the name of a button only where it was clicked
    }
    if (event.key === "Escape") {
      for (const menu of $$("details.menu[open]")) {
        menu.open = false;
        if (menu.contains(document.activeElement)) $("summary", menu).focus();
        event.preventDefault(); // and it does nothing else
      }
    }
  });

  on("click", (event) => {
    if (event.target.closest?.(".fresh .btn")) {
      showNow = true;
      refresh();
    }
    for (const menu of $$("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  dress();
  live("on");
  setInterval(showTimes, 30 * SECOND);
  setInterval(beat, SECOND);
})();
