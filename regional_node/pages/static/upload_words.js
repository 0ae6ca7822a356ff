/* What the upload page says of a file, of the line, and of submitting.
   Pure: from the sender's state to a tone, a shape and words; word and shape, never colour alone. */
(function (global) {
  "use strict";
  var SILENT_SECONDS = 20;

  function code(said) { return said.code ? " (" + said.code + ")" : ""; }

  function file(view, sender, item) {
    var t = view.t, flight = sender.flight && sender.flight.item === item ? sender.flight : null;
    var sent = item.offset + (flight ? Math.min(flight.moved, flight.bytes) : 0);
    function as(tone, shape, text) {
      return { tone: tone, shape: shape, text: text, sent: sent, anew: !!item.different };
    }
    if (item.error && item.error.unreadable) {
      return as("bad", "■", t("This computer cannot read the file; choose it again."));
    }
    if (item.error) {
      return as("bad", "■", (item.error.message || t("The LPSE refused this file.")) +
        (item.error.remedy ? " – " + item.error.remedy : "") + code(item.error));
    }
    if (item.different) {
      return as("bad", "■", t("Not the same as the file on this computer; send it anew."));
    }
    if (item.whole && !item.size) { return as("warn", "▲", t("Empty file (0 B); is that right?")); }
    if (item.checked) { return as("good", "✓", t("Whole at the LPSE, digest is the same")); }
    if (item.whole) { return as("good", "✓", t("Whole at the LPSE")); }
    if (!item.file && item.until) {
      return as("warn", "▲", t("Choose this file again to go on; kept until {time}",
        { time: view.date(item.until, false) }));
    }
    if (!item.file) { return as("warn", "▲", t("Choose this file again to go on")); }
    if (sender.wait) { return as("warn", "○", t("Waiting for the line")); }
    if (flight && item.renewed) {
      return as("warn", "●", t("Other content than before: from the beginning, {percent} %",
        { percent: Math.floor(100 * item.offset / item.size) }));
    }
    if (flight) {
      return as("accent", "●", t("Sending, {percent} %",
        { percent: item.size ? Math.floor(100 * item.offset / item.size) : 0 }));
    }
    return as("quiet", "○", t("Waiting for its turn"));
  }

  /* `seen`: {submitting, lost, at}; null where nothing is to say. */
  function line(view, sender, seen) {
    var t = view.t, wait = sender.wait;
    if (sender.closed) { return null; }
    if (!wait && seen.submitting && seen.submitting.until) {
      wait = { reason: "line", until: seen.submitting.until };
    }
    if (wait) { return waiting(t, wait, Math.max(0, Math.ceil(wait.until - seen.at))); }
    if (sender.flight) { return sending(t, sender, seen.at); }
    if (seen.lost) {
      return { tone: "bad", shape: "■", mayTry: true,
        text: t("The LPSE cannot be reached from here; trying again by itself.") };
    }
    return null;
  }

  function waiting(t, wait, left) {
    var again = " " + t("Next try in {seconds} s.", { seconds: left });
    if (wait.reason === "line") {
      return { tone: "bad", shape: "■", mayTry: true,
        text: t("The line to the LPSE is cut. Confirmed bytes are safe.") + again };
    }
    if (wait.reason === "other") {
      return { tone: "warn", shape: "◆", mayTry: true,
        text: t("Another window or computer is sending this file.") + again };
    }
    if (wait.reason === "busy") {
      return { tone: "warn", shape: "▲", mayTry: true,
        text: (wait.said && wait.said.message || t("The LPSE asks to wait.")) + again };
    }
    return { tone: "warn", shape: "▲", mayTry: true, text:
      t("The LPSE does not have this file any more; it is sent from its beginning.") };
  }

  function sending(t, sender, at) {
    var silent = at - Math.max(sender.confirmed, sender.flight.since);
    if (silent > SILENT_SECONDS) {
      return { tone: "warn", shape: "▲", text:
        t("No byte confirmed for {seconds} s: the line is very slow or cut.",
          { seconds: Math.round(silent) }) };
    }
    return { tone: "plain", shape: "●", text:
      t("Sending {name}", { name: sender.flight.item.name }) };
  }

  /* Whether the files may be submitted now, and what is said beside the button. */
  function send(view, sender, submitting) {
    var t = view.t, items = sender.items, count = items.length;
    var whole = items.filter(function (item) { return item.whole; }).length;
    var wrong = items.some(function (item) { return item.error || item.different; });
    var unsure = items.some(function (item) { return item.resumed && !item.checked; });
    if (submitting) { return no("… " + t("Submitting; keep this page open.")); }
    if (wrong) { return no("■ " + t("Not submitted. Remove or send anew what is marked first.")); }
    if (whole < count) {
      return no("▲ " + t("Not submitted yet. Whole: {whole} of {count} files.",
        { whole: whole, count: count }));
    }
    if (unsure) { return no("▲ " + t("Comparing with the file on this computer …")); }
    return { ready: count > 0, text:
      "▲ " + t("Everything is whole, but NOT submitted yet. Submit now.") };
  }

  /* In place of a list without files. */
  function none(view, again, passed) {
    var t = view.t;
    if (passed) {
      return t("The deadline has passed: a new file is refused, and the attempt is recorded.");
    }
    return again ?
      t("To replace the bid, choose ALL files of the new one. The older bid and its receipt are kept.") :
      t("No file yet. Choose 1 to {count} files that belong to one bid.",
        { count: view.setting.files_max });
  }

  function no(text) { return { ready: false, text: text }; }

  global.LpseWords = { file: file, line: line, send: send, none: none, code: code };
}(window));
