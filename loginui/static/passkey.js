// Asks the browser for passkeys, for the forms that want one, and sends what it answers. It is loaded once somebody
// does something on such a page (script.js), so that nobody else has a challenge made.
'use strict';
(() => {
  const credentials = navigator.credentials;
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const named = (list) => list.map((key) => ({ ...key, id: bytes(key.id) }));

  // What the site asks, as navigator.credentials wants it.
  const options = (asked) => {
    const o = { ...asked, challenge: bytes(asked.challenge) };
    if (o.user) o.user = { ...o.user, id: bytes(o.user.id) };
    if (o.excludeCredentials) o.excludeCredentials = named(o.excludeCredentials);
    if (o.allowCredentials) o.allowCredentials = named(o.allowCredentials);
    return o;
  };

  const answer = (key) => {
    const response = {};
    for (const part of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (key.response[part]) response[part] = text(key.response[part]);
    }
    if (key.response.getTransports) response.transports = key.response.getTransports();
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response, clientExtensionResults: {},
      authenticatorAttachment: key.authenticatorAttachment ?? undefined });
  };

  let busy = false; // the button was pressed
  let waiting = null; // the request that autofill waits for: a browser has one at a time
  const ask = async (form, mediation) => {
    waiting?.abort();
    const mine = waiting = new AbortController();
    const purpose = form.dataset.passkey;
    const adds = ['add', 'sign-up'].includes(purpose);
    const sent = new URLSearchParams(purpose === 'sign-up' ? new FormData(form) : '');
    sent.set('for', purpose);
    const said = await fetch(form.dataset.options, { method: 'POST', headers: { Accept: 'application/json' },
      body: sent, signal: mine.signal });
    const asked = await said.json();
    if (!said.ok) throw Object.assign(new Error(asked.message), { name: 'Said' });
    const wanted = { publicKey: options(asked), signal: mine.signal, ...(mediation && { mediation }) };
    const key = await (adds ? credentials.create(wanted) : credentials.get(wanted));
    const fields = form.elements;
    fields.namedItem('answer').value = answer(key);
    for (const name of ['remember', 'trust']) { // boxes of the form above
      const box = document.querySelector(`input[type=checkbox][name=${name}]`);
      if (box && fields.namedItem(name)) fields.namedItem(name).value = box.checked ? 'on' : '';
    }
    HTMLFormElement.prototype.submit.call(form);
  };

  // A field offers passkeys while a request waits. A challenge does not wait for ever, and a page may.
  const autofill = async (form) => {
    if (!await PublicKeyCredential.isConditionalMediationAvailable?.() || busy) return;
    const again = setTimeout(() => {
      if (busy) return;
      waiting?.abort();
      addEventListener('pointermove', () => { if (!busy) autofill(form); }, { once: true });
    }, 270000);
    await ask(form, 'conditional').catch(() => clearTimeout(again));
  };

  const press = async (form) => {
    const button = form.querySelector('button');
    const status = form.querySelector('[role=status]');
    if (busy || !form.reportValidity()) return;
    const label = button.lastElementChild; // beside an icon
    const words = label.textContent;
    busy = true;
    status.textContent = '';
    button.setAttribute('aria-busy', 'true');
    label.textContent = form.dataset.waiting;
    try {
      await ask(form);
    } catch (error) {
      status.textContent = { Said: error.message, InvalidStateError: form.dataset.there }[error.name] ??
        form.dataset.cancelled;
      button.removeAttribute('aria-busy');
      label.textContent = words;
    }
    busy = false;
  };

  document.querySelectorAll('form[data-passkey]').forEach((form) => {
    form.addEventListener('passkey', () => press(form));
    if (form.dataset.passkey === 'sign-in') autofill(form);
  });
})();
