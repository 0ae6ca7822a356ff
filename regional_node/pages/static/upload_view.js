/* Words, numbers and elements of the upload page.
   Rule: a node of the page is touched only when its text changes, so that screen readers and focus
   are left in peace. Leaves out decisions (upload.js) and sending (transfer.js). */
(function (global) {
  "use strict";
  var UNITS = ["B", "kB", "MB", "GB", "TB"];

  function View(root) {
    this.root = root;
    this.setting = JSON.parse(root.getAttribute("data-setting"));
    this.words = JSON.parse(root.getAttribute("data-words"));
    this.rows = {};
    var self = this;
    this.t = function (text, fields) { return self.say(text, fields); };
  }

  View.prototype.say = function (text, fields) {
    var said = this.words[text] || text, name;
    for (name in fields || {}) {
      if (Object.prototype.hasOwnProperty.call(fields, name)) {
        said = said.split("{" + name + "}").join(String(fields[name]));
      }
    }
    return said;
  };

  View.prototype.size = function (bytes) {
    var unit = 0, text;
    while (bytes >= 999.95 && unit < UNITS.length - 1) { bytes /= 1000; unit += 1; }
    text = unit ? (Math.round(bytes * 10) / 10).toFixed(1).replace(/\.0$/, "") : String(bytes | 0);
    return text.replace(".", this.setting.decimal) + " " + UNITS[unit];
  };

  /* Seconds as people say them, two units at most. */
  View.prototype.span = function (seconds) {
    var t = this.t, s = Math.max(0, Math.round(seconds));
    var days = Math.floor(s / 86400), hours = Math.floor(s % 86400 / 3600);
    var minutes = Math.floor(s % 3600 / 60);
    if (days) { return t("{days} d {hours} h", { days: days, hours: hours }); }
    if (hours) { return t("{hours} h {minutes} min", { hours: hours, minutes: minutes }); }
    if (minutes >= 10) { return t("{minutes} min", { minutes: minutes }); }
    if (minutes) { return t("{minutes} min {seconds} s", { minutes: minutes, seconds: s % 60 }); }
    return t("{seconds} s", { seconds: s });
  };

  function two(number) { return (number < 10 ? "0" : "") + number; }

  /* A moment (seconds since 1970) in the package's zone, never in that of this computer. */
  View.prototype.local = function (moment) {
    return new Date((moment + this.setting.offset_seconds) * 1000);
  };
  View.prototype.clock = function (moment, exact) {
    var at = this.local(moment), mark = this.setting.clock;
    return two(at.getUTCHours()) + mark + two(at.getUTCMinutes()) +
      (exact ? mark + two(at.getUTCSeconds()) : "") + " " + this.setting.zone;
  };
  View.prototype.date = function (moment, exact) {
    var at = this.local(moment), s = this.setting;
    return s.days[at.getUTCDay()] + ", " + at.getUTCDate() + " " + s.months[at.getUTCMonth()] +
      " " + at.getUTCFullYear() + " " + this.clock(moment, exact);
  };

  function el(tag, kind, text) {
    var made = document.createElement(tag);
    if (kind) { made.className = kind; }
    if (text) { made.textContent = text; }
    return made;
  }
  function put(node, text) {
    if (node && node.textContent !== text) { node.textContent = text; }
  }
  function kind(node, name) {
    if (node.className !== name) { node.className = name; }
  }
  function show(node, visible) {
    if (node && node.hidden === visible) { node.hidden = !visible; }
  }

  /* A row of a file: made once, then only its words and its bar change. */
  View.prototype.row = function (item, acts) {
    var row = this.rows[item.key], t = this.t;
    if (row) { return row; }
    row = this.rows[item.key] = { node: el("li", "row") };
    row.file = row.node.appendChild(el("div", "file"));
    row.file.appendChild(el("span", "name", item.name));
    row.size = row.file.appendChild(el("span", "quiet small nowrap"));
    row.bar = row.file.appendChild(el("div", "bar thin"));
    row.bar.setAttribute("aria-hidden", "true");
    row.sent = row.bar.appendChild(el("span", "bar-sent"));
    row.sure = row.bar.appendChild(el("span", "bar-sure"));
    row.status = row.node.appendChild(el("div", "status"));
    row.word = row.status.appendChild(el("span"));
    row.acts = row.status.appendChild(el("span", "acts"));
    row.again = this.button(row.acts, t("Send anew"), "low", function () { acts.anew(item); });
    row.remove = this.button(row.acts, t("Remove"), "low", function () { acts.remove(item); });
    row.keep = this.button(row.acts, t("Keep"), "low", function () { acts.keep(item); });
    row.again.setAttribute("aria-label", t("Send anew: {name}", { name: item.name }));
    row.digest = row.node.appendChild(el("p", "digest mono small quiet"));
    return row;
  };

  View.prototype.button = function (parent, text, name, act) {
    var made = parent.appendChild(el("button", name, text));
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  View.prototype.files = function (items, told, acts) {
    var list = document.getElementById("list"), self = this, keys = {}, key, i, row;
    var none = list.querySelector(".none");
    items.forEach(function (item) { keys[item.key] = true; });
    for (key in this.rows) {
      if (!keys[key]) {
        list.removeChild(this.rows[key].node);
        delete this.rows[key];
      }
    }
    for (i = 0; i < items.length; i++) {
      row = this.row(items[i], acts);
      if (row.node.parentNode !== list) { list.appendChild(row.node); }
      self.fill(row, items[i], told(items[i]));
    }
    show(none, !items.length);
  };

  View.prototype.fill = function (row, item, told) {
    var t = this.t;
    var part = t("{received} of {size}", {
      received: this.size(item.offset), size: this.size(item.size)
    });
    put(row.size, item.whole ? this.size(item.size) : part);
    row.sure.style.width = share(item.offset, item.size);
    row.sent.style.width = share(told.sent, item.size);
    show(row.bar, !item.whole);
    put(row.word, told.shape + " " + told.text);
    kind(row.word, told.tone + "-ink");
    kind(row.status, told.tone === "bad" ? "status wide" : "status");
    show(row.again, !!told.anew && !item.asking);
    put(row.remove, item.asking ? t("Yes, remove") : t("Remove"));
    kind(row.remove, item.asking ? "low danger" : "low");
    row.remove.setAttribute("aria-label", (item.asking ? t("Yes, remove") : t("Remove")) + ": " +
      item.name);
    show(row.keep, !!item.asking);
    put(row.digest, item.sha256 ? "SHA-256 " + item.sha256 : "");
    show(row.digest, !!item.sha256);
  };

  function share(part, whole) {
    return (whole ? Math.min(100, 100 * part / whole) : 100).toFixed(2) + "%";
  }

  /* Progress in all: bytes confirmed and on their way, and the four numbers. */
  View.prototype.summary = function (sum) {
    var bar = document.getElementById("bar"), percent = Math.floor(100 * sum.part);
    show(document.getElementById("summary"), sum.visible);
    bar.setAttribute("aria-valuenow", String(percent));
    bar.setAttribute("aria-valuetext", this.t("{percent} % confirmed", { percent: percent }));
    bar.querySelector(".bar-sure").style.width = share(sum.confirmed, sum.size);
    bar.querySelector(".bar-sent").style.width = share(sum.confirmed + sum.flying, sum.size);
    put(document.getElementById("m-bytes"), sum.bytes);
    put(document.getElementById("m-rate"), sum.rate);
    put(document.getElementById("m-last"), sum.last);
    put(document.getElementById("m-finish"), sum.finish);
  };

  /* A note with shape, strong first sentence, and the rest; null takes it away. */
  View.prototype.note = function (id, told) {
    var box = document.getElementById(id), mark, text;
    show(box, !!told);
    if (!told) { box.textContent = ""; box.lpseTold = ""; return; }
    kind(box, (box.lpseKind = box.lpseKind || "note") + " " + told.tone);
    mark = told.shape + told.strong + told.text;
    if (box.lpseTold === mark) { return; }
    box.lpseTold = mark;
    box.textContent = "";
    box.appendChild(el("span", "shape", told.shape)).setAttribute("aria-hidden", "true");
    text = box.appendChild(el("div")).appendChild(el("p"));
    text.appendChild(el("strong", "", told.strong));
    text.appendChild(document.createTextNode(told.text ? " " + told.text : ""));
    if (told.act) { this.button(box.lastChild, told.act.text, "low", told.act.run); }
  };

  /* The line: words that count down, and a button that stays where it is. */
  View.prototype.line = function (told) {
    var box = document.getElementById("line"), self = this;
    show(box, !!told);
    if (!told) { return; }
    if (!box.firstChild) {
      box.appendChild(el("span", "shape")).setAttribute("aria-hidden", "true");
      box.appendChild(el("span", "text"));
      self.button(box, self.t("Try now"), "low", function () { self.onTry(); });
    }
    kind(box, "line " + told.tone);
    put(box.children[0], told.shape);
    put(box.children[1], told.text);
    show(box.children[2], !!told.mayTry);
  };

  View.prototype.alert = function (strong, text) {
    var box = document.getElementById("alert"), note;
    box.textContent = "";
    if (!strong) { return; }
    note = box.appendChild(el("div", "note bad"));
    note.appendChild(el("span", "shape", "■")).setAttribute("aria-hidden", "true");
    note = note.appendChild(el("div")).appendChild(el("p"));
    note.appendChild(el("strong", "", strong));
    note.appendChild(document.createTextNode(text ? " " + text : ""));
  };

  View.prototype.news = function (text) { put(document.getElementById("news"), text); };

  View.put = put;
  View.show = show;
  global.LpseView = View;
}(window));
