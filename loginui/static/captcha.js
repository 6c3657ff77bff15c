// Does a proof of work (ALTCHA) for a form, so that its visitor has nothing to do: it begins when somebody comes to the
// form, and a form that is sent before waits for it. The same file is the worker that does the work.
'use strict';
(() => {
  const K = new Int32Array(64);
  const START = new Int32Array(8);
  const root = (n, power) => (n ** (1 / power) % 1) * 2 ** 32 | 0;
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) prime = prime && n % d > 0;
    if (!prime) continue;
    if (found < 8) START[found] = root(n, 2);
    K[found++] = root(n, 3);
  }
  const w = new Int32Array(64);
  // SHA-256 (FIPS 180-4) of a text in ASCII. crypto.subtle is missing on http://, and slow for many short texts.
  const sha256 = (text) => {
    const blocks = (text.length + 8 >> 6) + 1;
    const words = new Int32Array(blocks * 16);
    for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << 24 - i % 4 * 8;
    words[text.length >> 2] |= 0x80 << 24 - text.length % 4 * 8;
    words[words.length - 1] = text.length * 8;
    const h = START.slice();
    for (let at = 0; at < words.length; at += 16) {
      let [a, b, c, d, e, f, g, i] = [h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]];
      for (let t = 0; t < 64; t++) {
        if (t < 16) {
          w[t] = words[at + t];
        } else {
          const x = w[t - 15];
          const y = w[t - 2];
          w[t] = w[t - 16] + w[t - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) +
            ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
        }
        const one = i + K[t] + w[t] + (e & f ^ ~e & g) +
          ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) | 0;
        const two = (a & b ^ a & c ^ b & c) + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10));
        i = g;
        g = f;
        f = e;
        e = d + one | 0;
        d = c;
        c = b;
        b = a;
        a = one + two | 0;
      }
      h[0] += a;
      h[1] += b;
      h[2] += c;
      h[3] += d;
      h[4] += e;
      h[5] += f;
      h[6] += g;
      h[7] += i;
    }
    return h;
  };
  const search = (puzzle, from, to) => {
    const want = puzzle.challenge.match(/.{8}/g).map((hex) => parseInt(hex, 16) | 0);
    for (let n = from; n <= to; n++) {
      const h = sha256(puzzle.salt + n);
      if (h[0] === want[0] && want.every((v, i) => v === h[i])) return n;
    }
    return -1;
  };

  if (typeof document === 'undefined') {
    addEventListener('message', ({ data }) => postMessage(search(data, 0, data.maxnumber)));
    return;
  }

  const script = document.currentScript.src;
  const inWorker = (puzzle) => new Promise((done, failed) => {
    const worker = new Worker(script);
    worker.addEventListener('message', ({ data }) => { worker.terminate(); done(data); });
    worker.addEventListener('error', failed);
    worker.postMessage(puzzle);
  });
  const inSlices = async (puzzle) => {
    for (let n = 0; n <= puzzle.maxnumber; n += 1000) {
      const found = search(puzzle, n, Math.min(n + 999, puzzle.maxnumber));
      if (found >= 0) return found;
      await new Promise((done) => { setTimeout(done); });
    }
    return -1;
  };
  const solve = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.status);
    const { maxnumber, ...puzzle } = await answer.json();
    const number = await inWorker({ ...puzzle, maxnumber }).catch(() => inSlices({ ...puzzle, maxnumber }));
    if (number < 0) throw new Error('no number solves the puzzle');
    return { text: btoa(JSON.stringify({ ...puzzle, number })), at: Date.now() };
  };

  const field = document.querySelector('input[data-puzzle]');
  const { form } = field;
  const status = document.getElementById(field.dataset.status);
  form.querySelector('.actions')?.after(status); // where nothing moves when it speaks
  const fresh = 9 * 60 * 1000; // a puzzle is good for ten minutes
  let solution = null; // a promise; null: to be begun
  const begin = () => {
    solution ??= solve(field.dataset.puzzle);
    solution.catch(() => { solution = null; });
    return solution;
  };
  form.addEventListener('focusin', begin);
  if (form.contains(document.activeElement)) begin();
  addEventListener('pageshow', ({ persisted }) => { if (persisted) solution = null; });

  const current = (found) => {
    if (Date.now() - found.at < fresh) return found;
    solution = null;
    return begin();
  };
  const later = (found) => new Promise((done) => { setTimeout(done, 0, found); });
  let waiting = false;
  let ready = false;
  addEventListener('submit', (event) => { // before the listeners of the form
    if (event.target !== form || event.submitter?.matches('[formaction]:not([data-passkey] *)')) return;
    if (ready) {
      ready = false;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) return;
    waiting = true;
    status.textContent = field.dataset.working;
    begin().then(current).then(later).then((found) => { // later: a form cannot be sent while it is about to be sent
      field.value = found.text;
      solution = null; // it counts once
      ready = true;
      status.textContent = '';
      form.requestSubmit(event.submitter);
    }).catch(() => { status.textContent = field.dataset.failed; }).finally(() => { waiting = false; ready = false; });
  }, true);
})();
