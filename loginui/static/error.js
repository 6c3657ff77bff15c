// Error pages work without this. It adds another try at a page that does not answer, and a button that copies the id of
// the request. It is a file of its own, so that other pages need not carry it.
'use strict';
(() => {
  const lang = document.documentElement.lang.replace(/^ar$/, 'ar-u-nu-arab'); // digits as the page has them
  const small = (words, after) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = words;
    after.after(button);
    return button;
  };

  // A page in place of one that does not answer loads that one again, at most five times in a row: the count is of the
  // load that the last try began. Without a count it could go on for ever.
  const retry = (box) => {
    if (top !== window) return;
    const say = box.dataset;
    const heard = box.firstElementChild;
    const key = 'gatepost-retry';
    let tries = 0;
    try {
      const last = JSON.parse(sessionStorage.getItem(key)) ?? [];
      if (last[0] === location.href && Math.abs(performance.timeOrigin - last[2]) < 5000) tries = last[1];
      sessionStorage.removeItem(key);
    } catch {
      return;
    }
    if (tries > 4) {
      heard.textContent = say.over;
      return;
    }
    let left = Math.ceil(Math.max(say.after, 4 * 2 ** tries) * (1 + Math.random() / 2));
    const number = new Intl.NumberFormat(lang);
    const wait = () => say.in.replace('{n}', number.format(left));
    const seen = document.createElement('span'); // counts down; who hears the page is told once
    seen.ariaHidden = 'true';
    heard.className = 'trap';
    heard.textContent = seen.textContent = wait();
    heard.after(seen);
    const button = small(say.stop, seen);
    const end = (words) => {
      clearInterval(timer);
      seen.remove();
      button.remove();
      heard.className = '';
      heard.textContent = words;
    };
    const timer = setInterval(() => {
      if (document.hidden || !navigator.onLine) return;
      if (--left > 0) {
        seen.textContent = wait();
        return;
      }
      end(say.now);
      sessionStorage.setItem(key, JSON.stringify([location.href, tries + 1, Date.now()]));
      location.reload();
    }, 1000);
    button.addEventListener('click', () => end(say.stopped));
  };

  const copy = (code) => {
    if (!navigator.clipboard) return;
    const button = small(code.dataset.copy, code);
    button.ariaLive = 'polite';
    button.addEventListener('click', () => navigator.clipboard.writeText(code.textContent)
      .then(() => { button.textContent = code.dataset.copied; }, () => getSelection().selectAllChildren(code)));
  };

  document.querySelectorAll('.retry').forEach(retry);
  document.querySelectorAll('code[data-copy]').forEach(copy);
})();
