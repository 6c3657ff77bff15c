// Everything works without this. It adds: passwords that can be shown, how long a new one is, one answer to two clicks,
// the #fragment of the page asked for, and times of day where the visitor is.
'use strict';
(() => {
  const lang = document.documentElement.lang.replace(/^ar$/, 'ar-u-nu-arab'); // digits as the page has them
  const all = (selector, f) => document.querySelectorAll(selector).forEach(f);

  // A form may have a field of any name, so that its own methods may be covered.
  all('form[data-now]', (form) => { HTMLFormElement.prototype.submit.call(form); });

  // The fragment never reaches the server: browsers carry it along.
  if (location.hash.length > 1 && !document.querySelector('.wide')) {
    all('form', (form) => { form.action += location.hash; });
    all(':is(.other, .actions) a', (a) => { a.href += location.hash; });
  }

  all('input[data-show]', (input) => {
    const button = document.createElement('button');
    const side = document.documentElement.dir === 'rtl' ? 'paddingLeft' : 'paddingRight';
    const say = (shown) => {
      input.type = shown ? 'text' : 'password';
      input.classList.toggle('shown', shown);
      button.textContent = shown ? input.dataset.hide : input.dataset.show;
      button.setAttribute('aria-label', shown ? input.dataset.hideLabel : input.dataset.showLabel);
      if (button.offsetWidth > 80) input.style[side] = `${button.offsetWidth + 8}px`; // the words of some languages
    };
    button.type = 'button';
    button.setAttribute('aria-controls', input.id);
    button.addEventListener('click', () => say(input.type === 'password'));
    input.after(button);
    say(false);
    input.form.addEventListener('submit', () => say(false)); // browsers remember plain fields
  });

  const common = new Set((
    'password1 1q2w3e4r5t6y password1234 password12 password123 password dragon123 passw0rd qwerty123456 1234qwer ' +
    'p@ssw0rd diamond1 1q2w3e4r5t password9 123456789 123321123 password! 112233445566 12344321 12345678 whatever ' +
    'qwerty12345 1234567a 11223344 1q2w3e4r abcd1234 princess asdfghjk qwerty123 asdfghjkl qwertyuiop qwertyui ' +
    'qwerty1234 abc12345 11111111 iloveyou qwerty12 iloveyou2 iloveyou1 zxcvbnm123 a12345678 lovelove zxcvbnm1 ' +
    'football baseball batman123 a1234567 princess2 superman1 letmein123 aa123456 computer welcome123 admin123 ' +
    'football1 12345678a 123454321 monkey123 asdfasdf superman 123456789a chelsea1 michelle welcome1 changeme ' +
    'hello1234 princess1 midnight abcd12345 sunshine welcome2 samsung1 12345679 123456789q letmein1 angel123 ' +
    'football2 test1234 abc123456 asdf12345 sunshine1 mountain loveyou1 password2 asdf1234 1234567891 charlie1 ' +
    '1234567890 azertyuiop qwer1234 12345678910 azertyui snowball baseball2 testtest baseball1 babygirl1 babygirl ' +
    'hello123 passport').split(' '));
  // The rules of auth/password/guessable.go, but for common words within a password.
  const keyboards = [
    ['1234567890-= !@#$%^&*()_+', 'qwertyuiop[] QWERTYUIOP{}', 'asdfghjkl;\' ASDFGHJKL:"', 'zxcvbnm,./ ZXCVBNM<>?'],
    ['1234567890ß !"§$%&/()=?', 'qwertzuiopü', 'asdfghjklöä', 'yxcvbnm,.- YXCVBNM;:_'],
    ['1234567890°+ &é"\'(-è_çà)=', 'azertyuiop', 'qsdfghjklmù', 'wxcvbn,;:! WXCVBN?./§'],
    ['1234567890', 'йцукенгшщзхъ', 'фывапролджэ', 'ячсмитьбю.'],
    ['789', '456', '123', '0'],
  ].map((rows) => new Map(rows.flatMap((row, y) =>
    row.split(' ').flatMap((keys) => [...keys].map((key, x) => [key, [x, y]])))));
  const walk = (keys, diagonal) => (a, b) => {
    const from = keys.get(a);
    const to = keys.get(b);
    if (!from || !to) return null;
    const x = to[0] - from[0];
    const y = to[1] - from[1];
    return Math.abs(x) < 2 && Math.abs(y) < 2 && (diagonal || x !== y || x === 0) ? 3 * y + x : null;
  };
  const sequence = (a, b) => {
    const digits = /\p{Nd}{2}/u.test(a + b);
    if (!digits && !/\p{L}{2}/u.test(a + b)) return a === b ? 0 : null;
    let d = b.codePointAt(0) - a.codePointAt(0);
    if (digits && a < '\x7f' && Math.abs(d) === 9) d /= -9;
    return Math.abs(d) < 2 || digits && Math.abs(d) === 2 ? d : null;
  };
  const steps = [sequence, ...keyboards.map((keys, i) => walk(keys, i === 4))];
  const run = (text, step) => {
    const taken = [];
    for (let i = 1; i < text.length; i++) {
      const s = step(text[i - 1], text[i]);
      if (s === null || taken.length > 1 && s !== taken[taken.length - 2]) break;
      taken.push(s);
    }
    const alike = taken.findIndex((s) => s !== taken[0]);
    return alike < 0 || taken.length > 3 ? taken.length + 1 : alike + 1;
  };
  const choices = (text) => {
    const least = [0];
    for (let i = text.length - 1; i >= 0; i--) {
      const rest = text.slice(i, i + 64);
      const n = Math.max(...steps.map((step) => run(rest, step)));
      least.unshift(n < 3 ? least[0] + 1 : Math.min(least[0], least[n - 1]) + 1);
    }
    return least[0];
  };
  const simple = (value) => {
    let text = [...value.toLowerCase()].slice(0, 256);
    for (let n = 1; n <= text.length / 2; n++) {
      if (text.every((c, i) => i < n || c === text[i - n])) {
        if (n < 8) return true;
        text = text.slice(0, n);
        break;
      }
    }
    const limit = Math.max(5, Math.floor((text.length + 2) / 3));
    return choices(text) <= limit ||
      choices(text.filter((_, i) => i % 2 === 0)) + choices(text.filter((_, i) => i % 2)) <= 5;
  };
  all('input[data-count]', (input) => {
    const count = document.getElementById(input.id + '-count');
    const number = new Intl.NumberFormat(lang);
    input.addEventListener('input', () => {
      const value = input.value.normalize('NFC');
      const n = [...value].length;
      const say = input.dataset;
      const strong = n >= 16; // the entropy is out of reach
      const [level, text] = n === 0 ? [0, '']
        : n < input.minLength
          ? [0, say.count.replace('{n}', number.format(n)).replace('{min}', number.format(input.minLength))]
          : n > say.most ? [1, say.long]
            : common.has(value.toLowerCase()) ? [1, say.common]
              : simple(value) ? [1, say.simple]
                : strong ? [3, say.strong] : [2, say.enough];
      count.dataset.level = level;
      count.textContent = text;
    });
  });

  all('form', (form) => {
    let sent = null;
    let words = '';
    form.addEventListener('submit', (event) => {
      if (sent) {
        event.preventDefault();
        return;
      }
      const button = event.submitter ?? form.querySelector('[data-busy]');
      if (!button?.matches('[data-busy], [formaction]')) return;
      sent = button;
      words = button.textContent;
      button.setAttribute('aria-busy', 'true');
      if (button.dataset.busy) button.textContent = button.dataset.busy;
    });
    const again = () => {
      if (!sent) return;
      sent.removeAttribute('aria-busy');
      if (sent.dataset.busy) sent.textContent = words;
      sent = null;
    };
    addEventListener('pageshow', again); // back again, from the browser's memory
    window.navigation?.addEventListener('navigateerror', again); // stopped, or the line broke
  });

  // Passkeys have a script of their own, loaded once somebody does something.
  all('[data-passkey]', (form) => {
    if (!window.PublicKeyCredential) return;
    form.hidden = false;
    if (!form.dataset.script) return;
    const load = () => import(form.dataset.script);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      load().then(() => form.dispatchEvent(new Event('passkey')));
    });
    ['pointermove', 'pointerdown', 'keydown'].forEach((what) => addEventListener(what, load, { once: true }));
  });

  const date = new Intl.DateTimeFormat(lang.replace(/^en$/, 'en-GB'), // as mail writes it
    { dateStyle: 'long', timeStyle: 'short', hourCycle: 'h23' });
  all('time', (time) => { time.textContent = date.format(new Date(time.dateTime)); });
})();
