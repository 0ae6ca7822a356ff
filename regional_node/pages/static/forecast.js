/* How far the files are, and whether they will be whole before the deadline.
   Pure: numbers in, words out. The rate falls by itself while a piece takes longer than it should,
   so that an estimate never flatters. Leaves out the clock and the page. */
(function (global) {
  "use strict";
  var SOON_SECONDS = 3600, LAST_SECONDS = 900;

  function sum(sender, at) {
    var size = 0, confirmed = 0, flight = sender.flight, flying = 0, rate = sender.rate, silent;
    var sent = sender.items.filter(function (item) { return !item.error; });
    sent.forEach(function (item) { size += item.size; confirmed += item.offset; });
    if (flight && flight.bytes) {
      flying = Math.min(flight.moved, flight.bytes);
      silent = at - flight.since;
      if (rate && silent > 2 * flight.bytes / rate) { rate = flight.bytes / silent; }
    }
    return {
      size: size, confirmed: confirmed, flying: flying, rate: rate, rest: size - confirmed,
      part: size ? confirmed / size : 1, visible: sent.length > 0
    };
  }

  function summary(view, sender, all, at, now) {
    var t = view.t, open = all.rest > 0, moving = open && !sender.wait && all.rate;
    return {
      visible: all.visible, part: all.part, confirmed: all.confirmed, flying: all.flying,
      size: all.size,
      bytes: t("{received} of {size}",
        { received: view.size(all.confirmed), size: view.size(all.size) }),
      rate: moving ? t("{size}/s", { size: view.size(Math.round(all.rate)) }) : "–",
      last: sender.confirmed ? t("{span} ago", { span: view.span(at - sender.confirmed) }) : "–",
      finish: !open ? t("whole") : moving ? view.clock(now + all.rest / all.rate, true) : "–"
    };
  }

  /* The note about the deadline: {tone, shape, strong, text}, or null where nothing is to say. */
  function told(view, seen) {
    var t = view.t, all = seen.sum, needed, spare;
    if (all.rest <= 0 || seen.held || !all.visible) { return null; }
    if (seen.deadline <= seen.now) {
      return { tone: "bad", shape: "■", strong: t("The deadline has passed."), text:
        t("What was begun before goes on and will be marked late.") };
    }
    if (!all.rate) { return null; }
    needed = all.rest / all.rate;
    spare = seen.deadline - seen.now - needed;
    if (seen.cut) { return waiting(view, seen, spare); }
    if (spare < 0) {
      return { tone: "bad", shape: "■", strong: t("At this speed it ends {span} AFTER the deadline.",
        { span: view.span(-spare) }), text: t("Use a faster line, or come to the Bidding Room of the LPSE now. Sending goes on meanwhile.") };
    }
    if (spare < Math.max(seen.margin, needed / 4)) {
      return { tone: "warn", shape: "▲", strong: t("Tight: only {span} before the deadline.",
        { span: minutes(view, spare) }), text: t("Keep this page open and use the line for nothing else.") };
    }
    return { tone: "good", shape: "✓", strong: t("In time: {span} before the deadline.",
      { span: minutes(view, spare) }), text: "" };
  }

  function waiting(view, seen, spare) {
    var t = view.t, latest = view.clock(seen.now + spare, true);
    if (spare < 0) {
      return { tone: "bad", shape: "■", strong: t("The line is cut and the time is too short for it."),
        text: t("Come to the Bidding Room of the LPSE, or use another line, now.") };
    }
    return { tone: spare < seen.margin ? "bad" : "warn", shape: spare < seen.margin ? "■" : "▲",
      strong: t("The line must be back by {time} to finish in time.", { time: latest }),
      text: t("If it stays away, use another line or come to the Bidding Room.") };
  }

  /* The time that is left, with a shape when it becomes short. */
  function left(view, rest, held) {
    var t = view.t, text;
    if (held) { return { tone: " warn-ink", text: "◆ " + t("on hold; uploads are accepted") }; }
    if (rest <= 0) { return { tone: " bad-ink", text: "■ " + t("The deadline has passed") }; }
    text = t("{span} left", { span: view.span(rest) });
    if (rest < LAST_SECONDS) { return { tone: " bad-ink", text: "■ " + text }; }
    return rest < SOON_SECONDS ? { tone: " warn-ink", text: "▲ " + text } : { tone: "", text: text };
  }

  /* Steady words: nobody is helped by an estimate that changes every second. */
  function minutes(view, span) {
    return view.span(span > 120 ? Math.floor(span / 60) * 60 : Math.floor(span / 10) * 10);
  }

  global.LpseForecast = { sum: sum, summary: summary, told: told, left: left };
}(window));
