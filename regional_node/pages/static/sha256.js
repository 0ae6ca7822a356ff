/* SHA-256 in small steps (FIPS 180-4), for files of any size on old browsers and plain HTTP.
   var h = new LpseSha256(); h.update(Uint8Array); h.hex(). No crypto.subtle: it is missing there
   and cannot take a file piece by piece. */
(function (global) {
  "use strict";
  var K = new Int32Array([
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ]);

  function Sha256() {
    this.state = new Int32Array([
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    ]);
    this.block = new Uint8Array(64);
    this.filled = 0;
    this.bytes = 0;
    this.schedule = new Int32Array(64);
  }

  Sha256.prototype.update = function (data) {
    var at = 0;
    this.bytes += data.length;
    if (this.filled) {
      while (at < data.length && this.filled < 64) { this.block[this.filled++] = data[at++]; }
      if (this.filled < 64) { return; }
      this.compress(this.block, 0);
      this.filled = 0;
    }
    for (; at + 64 <= data.length; at += 64) { this.compress(data, at); }
    while (at < data.length) { this.block[this.filled++] = data[at++]; }
  };

  Sha256.prototype.hex = function () {
    var bits = this.bytes * 8, high = Math.floor(bits / 0x100000000), low = bits >>> 0;
    var end = new Uint8Array(this.filled < 56 ? 64 : 128), i, out = "";
    end.set(this.block.subarray(0, this.filled));
    end[this.filled] = 0x80;
    for (i = 0; i < 4; i++) {
      end[end.length - 8 + i] = high >>> (24 - 8 * i);
      end[end.length - 4 + i] = low >>> (24 - 8 * i);
    }
    for (i = 0; i < end.length; i += 64) { this.compress(end, i); }
    for (i = 0; i < 8; i++) {
      out += ("0000000" + (this.state[i] >>> 0).toString(16)).slice(-8);
    }
    return out;
  };

  Sha256.prototype.compress = function (data, at) {
    var w = this.schedule, s = this.state, i, x, y, t1, t2;
    var a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (i = 0; i < 16; i++, at += 4) {
      w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
    for (; i < 64; i++) {
      x = w[i - 15];
      y = w[i - 2];
      w[i] = (w[i - 16] + w[i - 7] +
        (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) +
        (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10))) | 0;
    }
    for (i = 0; i < 64; i++) {
      t1 = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) +
        ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      t2 = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) +
        ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    s[0] = (s[0] + a) | 0; s[1] = (s[1] + b) | 0; s[2] = (s[2] + c) | 0; s[3] = (s[3] + d) | 0;
    s[4] = (s[4] + e) | 0; s[5] = (s[5] + f) | 0; s[6] = (s[6] + g) | 0; s[7] = (s[7] + h) | 0;
  };

  /* Hashes a File in slices without freezing the page; done(hex) or done(null) if unreadable.
     Returns a function that gives up. */
  Sha256.ofFile = function (file, done, progress) {
    var hash = new Sha256(), at = 0, stopped = false, reader = new FileReader();
    function next() {
      if (stopped) { return; }
      if (at >= file.size) { done(hash.hex()); return; }
      reader.readAsArrayBuffer(file.slice(at, Math.min(at + 524288, file.size)));
    }
    reader.onload = function () {
      if (stopped) { return; }
      hash.update(new Uint8Array(reader.result));
      at += reader.result.byteLength;
      if (progress) { progress(at); }
      setTimeout(next, 0);
    };
    reader.onerror = function () { if (!stopped) { done(null); } };
    next();
    return function () { stopped = true; };
  };

  global.LpseSha256 = Sha256;
}(window));
