/* The public check: digests of the bid's files are computed here, so the files never leave. */
(function () {
  "use strict";
  var form = document.getElementById("check"), files = document.getElementById("files");
  var digests = document.getElementById("digests"), go = document.getElementById("go");
  var progress = document.getElementById("progress");
  if (!form || !window.FileReader || !window.LpseSha256) { return; }
  document.getElementById("bid").hidden = false;
  var PIECE = 1024 * 1024, turn = 0;

  function say(text, name, value) { progress.textContent = text.replace("{" + name + "}", value); }

  function hash(file, mine, done) {
    var sum = new LpseSha256(), at = 0, reader = new FileReader();
    reader.onload = function () {
      if (mine !== turn) { return; }
      sum.update(new Uint8Array(reader.result));
      at += reader.result.byteLength;
      next();
    };
    reader.onerror = function () { if (mine === turn) { say(file.name + ": ✕", "", ""); go.disabled = false; } };
    function next() {
      if (at >= file.size) { done(sum.hex()); return; }
      say(files.getAttribute("data-working"), "name", file.name + " " + Math.floor(100 * at / file.size) + " %");
      reader.readAsArrayBuffer(file.slice(at, Math.min(file.size, at + PIECE)));
    }
    next();
  }

  files.addEventListener("change", function () {
    var mine = ++turn, chosen = Array.prototype.slice.call(files.files), told = [];
    digests.value = "";
    go.disabled = chosen.length > 0;
    (function each() {
      if (mine !== turn) { return; }
      if (told.length === chosen.length) {
        digests.value = told.length ? JSON.stringify(told) : "";
        go.disabled = false;
        say(told.length ? files.getAttribute("data-done") : "", "count", String(told.length));
        return;
      }
      var file = chosen[told.length];
      hash(file, mine, function (hex) {
        told.push({ name: file.name, bytes: file.size, sha256: hex });
        each();
      });
    })();
  });
})();
