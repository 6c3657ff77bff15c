// The pages with recovery codes and with an API token work without this. It adds buttons to copy what they show and to
// print it.
'use strict';
(() => {
  const list = document.querySelector('.codes');
  const say = list.dataset;
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
    const text = [...list.children].map((code) => code.textContent).join('\n');
    button(say.copy, (b) => navigator.clipboard.writeText(text)
      .then(() => { b.textContent = say.copied; }, () => getSelection().selectAllChildren(list))).ariaLive = 'polite';
  }
  if (say.print) button(say.print, () => print());
  list.after(row);
})();
