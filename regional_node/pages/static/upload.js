/* The upload page: what is sent, what is said about it, and when a bid may be submitted.
   Rules: time is the LPSE's, never this computer's; a file is whole when the LPSE says so; whole
   files are no bid until they are submitted, and the page says that until it is done. */
(function () {
  "use strict";
  var root = document.getElementById("upload");
  if (!root || !window.FileReader || !window.XMLHttpRequest || !window.JSON) { return; }
  var MARGIN_SECONDS = 300;
  var base = root.getAttribute("data-base");
  var view = new LpseView(root), t = view.t, setting = view.setting, seconds = lpseSeconds;
  var sender = new LpseSender(base, later);
  var state = null, stateAt = 0, shown = "", lost = 0, submitting = null, counter = 0;
  var hashing = null, pollTimer = 0, drawTimer = 0, guarded = true, warned = false, level = "";

  function unix(text) { return Date.parse(text) / 1000; }
  function now() { return unix(state.now) + seconds() - stateAt; }
  function byId(id) { return document.getElementById(id); }
  function later() {
    if (!drawTimer) { drawTimer = setTimeout(function () { drawTimer = 0; draw(); }, 80); }
  }

  /* ---- the state of the LPSE ---- */

  function poll() {
    var asked = seconds();
    clearTimeout(pollTimer);
    lpseAsk("GET", base + "/state", {}, null, {
      answered: function (xhr) {
        lost = 0;
        if (xhr.status === 404) { close(lpseRefusal(xhr)); return; }
        if (xhr.status === 200) { take(JSON.parse(xhr.responseText), asked); }
        pollIn(pace(lpseRefusal(xhr).after));
        later();
      },
      broken: function () {
        lost = lost || seconds();
        pollIn(5);
        later();
      }
    });
  }

  function pollIn(pause) {
    clearTimeout(pollTimer);
    pollTimer = setTimeout(poll, pause * 1000);
  }

  /* Whole, but the digest that the LPSE has was not asked for yet. */
  function isUnread() { return !!find(function (item) { return item.whole && !item.sha256; }); }

  function pace(after) {
    var open = state.submissions.some(function (bid) { return !bid.at_centre.entry; });
    if (after) { return Math.min(after, 60); }
    return isUnread() || submitting ? 2 : open ? 5 : sender.items.length ? 10 : 20;
  }

  /* The LPSE's clock is taken as read when the question was asked: rather too late than too early.
     An answer also proves that the line is back. */
  function take(fresh, asked) {
    state = fresh;
    stateAt = asked;
    merge(fresh.files);
    var mark = JSON.stringify([fresh.submissions, fresh.attempts, fresh.deadline_time, fresh.held,
      fresh.centre.link, now() > unix(fresh.deadline_time)]);
    if (shown && mark !== shown) { records(); }
    shown = mark;
    if (sender.wait && sender.wait.reason === "line") { sender.now(); } else { sender.work(); }
  }

  function merge(files) {
    var known = {};
    files.forEach(function (file) { known[file.id] = file; });
    sender.items = sender.items.filter(function (item) {
      var file = item.id && known[item.id];
      return !item.id || !file || /^(RECEIVING|WHOLE)$/.test(file.state);
    });
    files.forEach(function (file) {
      if (!/^(RECEIVING|WHOLE)$/.test(file.state)) { return; }
      var item = find(function (one) { return one.id === file.id; });
      var making = find(function (one) {
        return !one.id && one.name === file.name && one.size === file.size_bytes;
      });
      if (!item && making) { return; }
      item = item || add(file.name, file.size_bytes, null, file.id);
      item.sha256 = file.sha256 || null;
      item.until = file.expires_time ? unix(file.expires_time) : 0;
      if (file.state === "WHOLE") { item.whole = true; }
      if (!item.file || item.whole) { item.offset = file.offset_bytes; }
      compare(item);
    });
  }

  function close(said) {
    clearTimeout(pollTimer);
    sender.halt(said);
    LpseView.show(byId("picker"), false);
    view.alert(said.message || t("This upload address is closed."), said.remedy + LpseWords.code(said));
    draw();
  }

  /* Submitted bids and proofs come as the server writes them, one source for both. */
  function records() {
    var xhr = new XMLHttpRequest();
    xhr.open("GET", base + "?lang=" + setting.language, true);
    xhr.responseType = "document";
    xhr.onload = function () {
      if (xhr.status !== 200 || !xhr.response) { shown = "-"; return; }
      ["bids", "attempts", "state-notes"].forEach(function (id) { swap(id, xhr.response); });
      LpseView.put(document.querySelector(".deadline time"),
        view.date(unix(state.deadline_time), false));
      if (submitting && submitting.number) { celebrate(); }
    };
    xhr.onerror = function () { shown = "-"; };
    xhr.send();
  }

  function swap(id, fresh) {
    var old = byId(id), found = fresh.getElementById(id), held, link;
    if (!found || old.innerHTML === found.innerHTML) { return; }
    held = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.innerHTML = found.innerHTML;
    link = held && old.querySelector('a[href="' + held + '"]');
    if (link) { link.focus(); }
  }

  /* ---- files ---- */

  function find(test) { return sender.items.filter(test)[0] || null; }

  function add(name, size, file, id) {
    var item = {
      key: "f" + (counter += 1), name: name, size: size, file: file, id: id, offset: 0,
      asked: !id, whole: false, sha256: null, local: null, error: null
    };
    sender.items.push(item);
    return item;
  }

  function choose(files) {
    var told = [], i;
    view.alert("");
    view.note("success", null);
    for (i = 0; i < files.length; i++) { told.push(take1(files[i])); }
    told = told.filter(function (text) { return text; });
    if (told.length) { view.alert(t("Not added:"), told.join(" ")); }
    hash();
    sender.work();
    pollIn(3);
  }

  /* One chosen file: goes on with what the LPSE has of it, or begins; else says why not. */
  function take1(file) {
    var item = find(function (one) { return one.name === file.name; });
    var total = sender.items.reduce(function (sum, one) { return sum + one.size; }, 0);
    if (item && item.size === file.size && !(item.file && !item.error)) { return resume(item, file); }
    if (item && item.size === file.size) { return ""; }
    if (item) {
      return t("{name}: a file of this name is listed; remove it first.", { name: file.name });
    }
    if (sender.items.length >= setting.files_max) {
      return t("{name}: one bid has at most {count} files.",
        { name: file.name, count: setting.files_max });
    }
    if (total + file.size > state.bytes_max) {
      return t("{name}: the bid would be larger than {size}.",
        { name: file.name, size: view.size(state.bytes_max) });
    }
    add(file.name, file.size, file, null);
    return "";
  }

  function resume(item, file) {
    item.error = item.local = null;
    item.different = false;
    if (item.id && sender.isAltered(item, file)) { renew(item, file); return ""; }
    item.file = file;
    item.resumed = !!item.id;
    item.asked = !item.id;
    return "";
  }

  /* End what the LPSE has of this file and send it from the first byte. */
  function renew(item, file) {
    var local = file === item.file ? item.local : null;
    sender.drop(item, function (said) {
      if (said) { trouble(said); return; }
      item = add(item.name, file.size, file, null);
      item.local = local;
      item.renewed = true;
      hash();
      draw();
    });
  }

  /* Digests of the files on this computer, one at a time, to compare with what the LPSE has. */
  function hash() {
    var item = !hashing && find(function (one) { return one.file && !one.local && !one.error; });
    if (!item) { return; }
    hashing = item;
    LpseSha256.ofFile(item.file, function (hex) {
      hashing = null;
      if (hex === null) { item.error = { unreadable: true }; } else { item.local = hex; }
      compare(item);
      hash();
      later();
    });
  }

  function compare(item) {
    item.different = !!(item.whole && item.sha256 && item.local && item.sha256 !== item.local);
    item.checked = !!(item.whole && item.sha256 && item.sha256 === item.local);
  }

  function trouble(said) {
    view.alert(said.message || t("The LPSE could not be reached."), (said.remedy || "") + LpseWords.code(said));
    draw();
  }

  var acts = {
    anew: function (item) { renew(item, item.file); },
    keep: function (item) { item.asking = false; draw(); },
    remove: function (item) {
      if (item.id && !item.asking) { item.asking = true; draw(); return; }
      item.asking = false;
      sender.drop(item, function (said) { if (said) { trouble(said); } else { draw(); poll(); } });
      draw();
    }
  };

  /* ---- submitting ---- */

  function submit() {
    var body = JSON.stringify({ files: sender.items.map(function (item) { return item.id; }) });
    submitting = { until: 0, number: 0, failures: 0 };
    view.alert("");
    attempt(body);
  }

  /* The same request until it is answered: the LPSE gives the same receipt for the same files. */
  function attempt(body) {
    submitting.until = 0;
    draw();
    lpseAsk("POST", base + "/submit", { "Content-Type": "application/json" }, body, {
      answered: function (xhr) {
        if (xhr.status === 200 || xhr.status === 201) {
          submitting.number = JSON.parse(xhr.responseText).number;
          sender.items.forEach(function (item) { sender.forget(item); });
          poll();
        } else if (xhr.status === 429 || xhr.status >= 500) {
          repeat(body, lpseRefusal(xhr).after);
        } else {
          submitting = null;
          trouble(lpseRefusal(xhr));
          poll();
        }
      },
      broken: function () { repeat(body, 0); }
    });
  }

  function repeat(body, after) {
    var pause = Math.max(after, Math.min(10, 1 + 2 * submitting.failures));
    submitting.failures += 1;
    submitting.until = seconds() + pause;
    submitting.timer = setTimeout(function () { attempt(body); }, pause * 1000);
    submitting.body = body;
    draw();
  }

  function celebrate() {
    var title = byId("bids-title"), told = t("Bid {number} is received by LPSE.",
      { number: submitting.number });
    submitting = null;
    view.note("success", {
      tone: "good", shape: "✓", strong: told, text: t("Print or save its receipt now.")
    });
    view.news(told);
    if (title) { title.focus(); }
    draw();
  }

  function tryNow() {
    if (submitting && submitting.until) {
      clearTimeout(submitting.timer);
      attempt(submitting.body);
    }
    if (sender.wait) { sender.now(); }
    poll();
  }

  /* ---- what is said ---- */

  function draw() {
    if (!state) { return; }
    var sum = LpseForecast.sum(sender, seconds());
    view.files(sender.items, function (item) { return LpseWords.file(view, sender, item); }, acts);
    view.summary(LpseForecast.summary(view, sender, sum, seconds(), now()));
    view.note("forecast", forecast(sum));
    view.line(LpseWords.line(view, sender, { submitting: submitting, lost: lost, at: seconds() }));
    drawSend();
    drawLeft();
    document.title = (sum.visible && sum.part < 1 ? Math.floor(100 * sum.part) + " % – " : "") +
      root.lpseTitle;
  }

  function forecast(sum) {
    var told = sender.closed ? null : LpseForecast.told(view, {
      sum: sum, now: now(), deadline: unix(state.deadline_time), held: state.held,
      cut: !!(sender.wait || lost), margin: MARGIN_SECONDS
    });
    if (told && told.tone !== level && told.tone !== "good") { view.news(told.strong); }
    level = told ? told.tone : "";
    return told;
  }

  function drawSend() {
    var said = LpseWords.send(view, sender, submitting), button = byId("submit");
    var again = state.submissions.length > 0;
    LpseView.show(byId("send"), sender.items.length > 0 && !sender.closed);
    byId("send").className = "send screen" + (said.ready ? " ready" : "");
    LpseView.put(byId("send-hint"), said.text);
    LpseView.put(button, again ? t("Submit the replacement") : t("Submit the bid"));
    if (button.disabled === said.ready) { button.disabled = !said.ready; }
    byId("choose-label").className = sender.items.length || again ? "button" : "button first";
    LpseView.put(byId("files-title"), again ? t("Files of a replacement") : t("Bid files"));
    LpseView.put(document.querySelector("#list .none"), LpseWords.none(view, again,
      !state.held && now() >= unix(state.deadline_time)));
  }

  function drawLeft() {
    var node = byId("left"), at = now();
    var said = LpseForecast.left(view, unix(state.deadline_time) - at, state.held);
    LpseView.put(node, said.text);
    if (node.className !== "left" + said.tone) { node.className = "left" + said.tone; }
    LpseView.put(byId("clock"), view.date(at, true));
  }

  /* ---- beginning and end ---- */

  function wire() {
    var chooser = byId("choose"), form = byId("finish"), card = byId("files");
    chooser.addEventListener("change", function () {
      choose(chooser.files);
      chooser.value = "";
    });
    card.addEventListener("dragover", function (event) { event.preventDefault(); });
    card.addEventListener("drop", function (event) {
      event.preventDefault();
      choose(event.dataTransfer.files);
    });
    byId("submit").addEventListener("click", submit);
    view.onTry = tryNow;
    sender.onRefused = function () { pollIn(0.2); };
    sender.onIdle = function () { if (isUnread()) { pollIn(0.2); } };
    window.addEventListener("online", tryNow);
    window.addEventListener("pageshow", function (event) {
      if (event.persisted) { location.reload(); }
    });
    window.addEventListener("beforeunload", function (event) {
      if (!guarded || sender.closed || !sender.items.length) { return; }
      event.preventDefault();
      event.returnValue = "";
    });
    if (form) { form.addEventListener("submit", finish); }
    setInterval(draw, 1000);
  }

  /* The next vendor must see nothing; what is not submitted is said once more. */
  function finish(event) {
    if (sender.items.length && !warned) {
      warned = true;
      event.preventDefault();
      view.alert(t("Files NOT submitted: {count}.", { count: sender.items.length }),
        t("Submit them, or press the button again to discard them."));
      byId("alert").scrollIntoView();
      return;
    }
    guarded = false;
    sender.halt({});
    LpseSender.forgetAll();
  }

  function start() {
    var list = byId("list"), rows = list.querySelectorAll("li:not(.none)"), i;
    for (i = 0; i < rows.length; i++) { list.removeChild(rows[i]); }
    window.lpseStarted = true;
    root.lpseTitle = document.title;
    lpseAsk.language = setting.language;
    LpseView.show(byId("picker"), true);
    wire();
    take(JSON.parse(root.getAttribute("data-state")), seconds());
    draw();
    pollIn(pace(0));
  }

  start();
}());
