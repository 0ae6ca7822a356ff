/* Sends files by tus 1.0.0, one piece after another, over a line that breaks.
   Owns requests, pieces and retries. Rules: the server's Upload-Offset is the only truth; a broken
   line is asked again for ever, with growing pauses; a refusal ends one file, never the others.
   Leaves out what people see: `onChange` is called whenever something is new, `onIdle` when nothing
   is left to send, `onRefused` when the server said no for good. */
(function (global) {
  "use strict";
  var TUS = "1.0.0", KIB = 1024, MIB = 1024 * KIB;
  var PIECE_FIRST = 128 * KIB, PIECE_MIN = 64 * KIB, PIECE_MAX = 8 * MIB;
  var PIECE_SECONDS = 4;          /* a piece is as large as the line carries in this time */
  var STALL_SECONDS = 30;         /* no byte moved for so long: the line is dead, ask again */
  var REREAD_BYTES = 20 * MIB;    /* a second: the server reads a finished file back from disk */
  var PAUSES = [1, 2, 4, 8, 15, 30];
  var SECOND = 1000;

  /* Elapsed time that no change of this computer's clock moves. */
  function seconds() {
    return (window.performance && performance.now ? performance.now() : Date.now()) / SECOND;
  }

  /* One request: answered(xhr) for every status, broken() when there was no answer within
     `patience` seconds of silence. */
  function ask(method, url, headers, body, hooks) {
    var xhr = new XMLHttpRequest(), over = false, moved = seconds(), guard;
    function end(answered) {
      if (over) { return; }
      over = true;
      clearInterval(guard);
      if (answered) { hooks.answered(xhr); } else { hooks.broken(); }
    }
    xhr.open(method, url, true);
    if (ask.language) { xhr.setRequestHeader("Accept-Language", ask.language); }
    for (var name in headers) {
      if (Object.prototype.hasOwnProperty.call(headers, name)) {
        xhr.setRequestHeader(name, headers[name]);
      }
    }
    if (xhr.upload && body && hooks.moved) {
      xhr.upload.onprogress = function (event) {
        moved = seconds();
        hooks.moved(event.loaded);
      };
    }
    xhr.onload = function () { end(true); };
    xhr.onerror = xhr.onabort = function () { end(false); };
    guard = setInterval(function () {
      if (seconds() - moved > (hooks.patience || STALL_SECONDS)) { xhr.abort(); end(false); }
    }, SECOND);
    xhr.send(body || null);
    return function () { over = true; clearInterval(guard); xhr.abort(); };
  }

  function base64(text) {
    return btoa(unescape(encodeURIComponent(text)));
  }

  /* What a refusal says, for people: {code, message, remedy}. */
  function refusal(xhr) {
    var said = {};
    try { said = JSON.parse(xhr.responseText) || {}; } catch (ignored) { said = {}; }
    return {
      status: xhr.status, code: said.code || "", message: said.message || "",
      remedy: said.remedy || "", after: parseInt(xhr.getResponseHeader("Retry-After"), 10) || 0
    };
  }

  function Sender(base, onChange) {
    this.base = base;
    this.onChange = onChange;
    this.onIdle = this.onRefused = function () { return; };
    this.items = [];
    this.piece = PIECE_FIRST;
    this.rate = 0;               /* bytes a second, from confirmed pieces */
    this.confirmed = 0;          /* when the last byte was confirmed, seconds of this computer */
    this.flight = null;          /* the piece on its way: {item, at, bytes, moved, since} */
    this.wait = null;            /* the pause: {reason, until, told} */
    this.failures = 0;
    this.closed = null;          /* the refusal after which nothing goes on */
    this.stop = null;
    this.timer = 0;
  }

  /* The next piece of work, if nothing is under way. */
  Sender.prototype.work = function () {
    var item;
    if (this.stop || this.wait || this.closed) { return; }
    item = this.next();
    if (!item) { this.onIdle(); this.onChange(); return; }
    if (!item.id && item.unsure) { this.adopt(item); } else if (!item.id) { this.create(item); }
    else if (!item.asked) { this.look(item); } else { this.send(item); }
    this.onChange();
  };

  Sender.prototype.next = function () {
    for (var i = 0; i < this.items.length; i++) {
      if (this.isOpen(this.items[i])) { return this.items[i]; }
    }
    return null;
  };

  /* Whether a file still has bytes to send from this computer. */
  Sender.prototype.isOpen = function (item) {
    return !!item.file && !item.error && !item.whole && !item.paused;
  };

  Sender.prototype.create = function (item) {
    var self = this, small = item.size > 0 && item.size <= this.piece;
    var headers = {
      "Tus-Resumable": TUS, "Upload-Length": String(item.size),
      "Upload-Metadata": "filename " + base64(item.name)
    };
    if (small) { headers["Content-Type"] = "application/offset+octet-stream"; }
    this.read(item, 0, small ? item.size : 0, function (bytes) {
      self.request(item, "POST", self.base + "/files", headers, bytes, function (xhr) {
        if (xhr.status !== 201) { self.refused(item, xhr); return; }
        item.id = (xhr.getResponseHeader("Location") || "").replace(/[?#].*$/, "")
          .replace(/\/+$/, "").split("/").pop();
        item.asked = true;
        self.remember(item);
        self.confirm(item, parseInt(xhr.getResponseHeader("Upload-Offset"), 10) || 0);
      });
    });
  };

  /* The answer to a creation was lost: the server may have the file; it is not made twice. */
  Sender.prototype.adopt = function (item) {
    var self = this;
    this.request(item, "GET", this.base + "/state", {}, null, function (xhr) {
      if (xhr.status !== 200) { self.refused(item, xhr); return; }
      JSON.parse(xhr.responseText).files.forEach(function (file) {
        var known = self.items.some(function (other) { return other.id === file.id; });
        var alike = file.name === item.name && file.size_bytes === item.size;
        if (!item.id && alike && !known && /^(RECEIVING|WHOLE)$/.test(file.state)) {
          item.id = file.id;
          self.remember(item);
        }
      });
      item.unsure = item.asked = false;
    });
  };

  Sender.prototype.look = function (item) {
    var self = this;
    this.request(item, "HEAD", this.url(item), { "Tus-Resumable": TUS }, null, function (xhr) {
      if (xhr.status === 404 || xhr.status === 410) { self.restart(item); return; }
      if (xhr.status !== 200 && xhr.status !== 204) { self.refused(item, xhr); return; }
      item.asked = true;
      item.offset = parseInt(xhr.getResponseHeader("Upload-Offset"), 10) || 0;
      self.confirm(item, item.offset);
    });
  };

  Sender.prototype.send = function (item) {
    var self = this, end = Math.min(item.size, item.offset + this.piece), at = item.offset;
    this.read(item, at, end, function (bytes) {
      var headers = {
        "Tus-Resumable": TUS, "Upload-Offset": String(at),
        "Content-Type": "application/offset+octet-stream"
      };
      self.request(item, "PATCH", self.url(item), headers, bytes, function (xhr) {
        if (xhr.status === 204 || xhr.status === 200) {
          self.confirm(item, parseInt(xhr.getResponseHeader("Upload-Offset"), 10) || 0);
        } else if (xhr.status === 409 || xhr.status === 460) {
          item.asked = false;
          self.again("line", refusal(xhr));
        } else if (xhr.status === 404 || xhr.status === 410) {
          self.restart(item);
        } else { self.refused(item, xhr); }
      });
    });
  };

  /* Bytes of a file, read before they are sent: an unreadable file is no broken line. */
  Sender.prototype.read = function (item, start, end, done) {
    var self = this, reader, dropped = false;
    if (end <= start) { done(null); return; }
    this.stop = function () { dropped = true; };
    reader = new FileReader();
    reader.onload = function () {
      if (dropped) { return; }
      self.stop = null;
      done(reader.result);
    };
    reader.onerror = function () {
      if (dropped) { return; }
      self.stop = null;
      item.error = { unreadable: true, message: "", remedy: "", code: "" };
      self.work();
    };
    reader.readAsArrayBuffer(item.file.slice(start, end));
  };

  Sender.prototype.request = function (item, method, url, headers, body, answered) {
    var self = this, flight = {
      item: item, at: item.offset, bytes: body ? body.byteLength : 0, moved: 0, since: seconds()
    };
    this.flight = flight;
    this.stop = ask(method, url, headers, body, {
      patience: this.patience(item, flight),
      moved: function (bytes) { flight.moved = bytes; self.onChange(); },
      answered: function (xhr) {
        self.stop = null;
        answered(xhr);
        self.flight = self.flight === flight ? null : self.flight;
        self.work();
        self.onChange();
      },
      broken: function () {
        self.stop = null;
        self.flight = null;
        item.asked = false;
        item.unsure = !item.id;
        self.piece = Math.max(PIECE_MIN, Math.floor(self.piece / 2));
        self.again("line", null);
        self.onChange();
      }
    });
  };

  /* How long silence may last: the piece may still sit in this computer's own buffers, and after
     the last one the server reads the file back. */
  Sender.prototype.patience = function (item, flight) {
    var last = flight.bytes && flight.at + flight.bytes >= item.size;
    return STALL_SECONDS + (this.rate ? 2 * flight.bytes / this.rate : 0) +
      (last ? item.size / REREAD_BYTES : 0);
  };

  Sender.prototype.confirm = function (item, offset) {
    var flight = this.flight, took = Math.max(0.001, seconds() - flight.since);
    var gained = flight.bytes ? offset - flight.at : 0, sample = gained / took;
    this.failures = 0;
    item.offset = Math.min(offset, item.size);
    if (gained > 0) {
      this.confirmed = seconds();
      this.rate = this.rate ? 0.65 * this.rate + 0.35 * sample : sample;
      this.piece = Math.max(PIECE_MIN, Math.min(PIECE_MAX, sample * PIECE_SECONDS, 2 * this.piece));
      this.piece = Math.ceil(this.piece / PIECE_MIN) * PIECE_MIN;
    }
    if (item.offset >= item.size) { item.whole = true; }
  };

  /* The server knows this upload no more: begin again, unless the whole address is closed. */
  Sender.prototype.restart = function (item) {
    item.id = null;
    item.offset = 0;
    item.asked = true;
    item.restarts = (item.restarts || 0) + 1;
    if (item.restarts > 2) { item.error = { gone: true, message: "", remedy: "", code: "" }; }
    this.again("gone", null);
  };

  Sender.prototype.refused = function (item, xhr) {
    var said = refusal(xhr);
    item.asked = false;
    if (xhr.status === 423) { this.again("other", said); return; }
    if (xhr.status === 429 || xhr.status === 408 || xhr.status >= 500) {
      this.again("busy", said);
      return;
    }
    item.error = said;
    this.onRefused();
  };

  Sender.prototype.again = function (reason, said) {
    var pause = PAUSES[Math.min(this.failures, PAUSES.length - 1)] * (0.75 + Math.random() / 2);
    if (reason === "other") { pause = Math.max(pause, 8); }
    if (reason === "gone") { pause = 1; }
    if (said && said.after) { pause = Math.max(pause, Math.min(said.after, 300)); }
    this.failures += 1;
    this.pause(reason, pause, said);
  };

  Sender.prototype.pause = function (reason, length, said) {
    var self = this;
    clearTimeout(this.timer);
    this.wait = { reason: reason, until: seconds() + length, said: said };
    this.timer = setTimeout(function () { self.now(); }, length * SECOND);
  };

  /* End the pause: the line may be back. */
  Sender.prototype.now = function () {
    clearTimeout(this.timer);
    this.wait = null;
    this.work();
  };

  /* Stop whatever is under way, for good where `refusal` says why. */
  Sender.prototype.halt = function (said) {
    if (this.stop) { this.stop(); }
    clearTimeout(this.timer);
    this.stop = this.flight = this.wait = null;
    this.closed = said || this.closed;
  };

  /* Take a file out; what the server has of it is ended there, with a proof. */
  Sender.prototype.drop = function (item, done) {
    var self = this, running = this.flight && this.flight.item === item;
    if (running) { this.halt(null); }
    item.paused = true;
    function gone() {
      self.items = self.items.filter(function (other) { return other !== item; });
      self.forget(item);
      done(null);
      self.work();
    }
    if (!item.id) { gone(); return; }
    ask("DELETE", this.url(item), { "Tus-Resumable": TUS }, null, {
      answered: function (xhr) {
        if (xhr.status === 204 || xhr.status === 404 || xhr.status === 410) { gone(); return; }
        item.paused = false;
        done(refusal(xhr));
        self.work();
      },
      broken: function () { item.paused = false; done({ message: "" }); self.work(); }
    });
  };

  Sender.prototype.url = function (item) { return this.base + "/files/" + item.id; };

  /* Kept until this tab closes: tells an altered file of the same name and size after a reload. */
  Sender.prototype.remember = function (item) {
    try {
      sessionStorage.setItem("lpse." + item.id, String(item.file.lastModified));
    } catch (ignored) { return; }
  };
  Sender.prototype.isAltered = function (item, file) {
    try {
      var known = sessionStorage.getItem("lpse." + item.id);
      return known !== null && known !== String(file.lastModified);
    } catch (ignored) { return false; }
  };
  Sender.prototype.forget = function (item) {
    try { sessionStorage.removeItem("lpse." + item.id); } catch (ignored) { return; }
  };
  Sender.forgetAll = function () {
    try { sessionStorage.clear(); } catch (ignored) { return; }
  };

  global.LpseSender = Sender;
  global.lpseAsk = ask;
  global.lpseRefusal = refusal;
  global.lpseSeconds = seconds;
}(window));
