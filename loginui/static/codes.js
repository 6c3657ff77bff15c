// The pages with recovery codes, with an API token and with the key of an authenticator app work without this. It adds
// buttons to copy what they show and to print it.
'use strict';
(() => {
  const shown = document.querySelector('[data-copy]');
  const say = shown.dataset;
  const row = document.createElement('p');
  row.className = 'tools';
  const button = (words, act) => {
    const b = document.createElement('button');
    b.type = 'button';
    b.className = 'quiet';
    b.textContent = words;
    b.addEventListener('click', () => act(b));
    row.append(b);
    return b;
  };
  if (navigator.clipboard) {
    const lines = [...shown.children].map((code) => code.textContent);
    const text = lines.join('\n') || shown.textContent.replaceAll(' ', ''); // a key has its blanks for those who type
    button(say.copy, (b) => navigator.clipboard.writeText(text)
      .then(() => { b.textContent = say.copied; }, () => getSelection().selectAllChildren(shown))).ariaLive = 'polite';
  }
  if (say.print) button(say.print, () => print());
  (shown.closest('.key') ?? shown).after(row);
})();
