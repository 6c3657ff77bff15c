// The sample app's own script: an open connection, a fetch, commands to copy, and the height of a mail.
const live = document.querySelector('[data-live]');
if (live) {
  const socket = new WebSocket(live.dataset.live.replace(/^/, location.origin.replace(/^http/, 'ws')));
  live.textContent = 'Connecting…';
  socket.onmessage = (event) => {
    live.className = 'dot on';
    live.textContent = event.data;
  };
  socket.onclose = () => {
    live.className = 'dot off';
    live.textContent = 'Closed. If your session has ended, that was the gate.';
  };
}
document.querySelector('[data-ask]')?.addEventListener('click', async (event) => {
  const answer = document.getElementById('answer');
  try {
    const response = await fetch(event.target.dataset.ask);
    answer.innerHTML = '<pre></pre>';
    answer.firstChild.textContent = `${response.status} ${await response.text()}`;
  } catch {
    answer.textContent = 'There was no answer.';
  }
});
for (const command of navigator.clipboard ? document.querySelectorAll('[data-copy]') : []) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet copy';
  button.textContent = 'Copy';
  button.onclick = async () => {
    await navigator.clipboard.writeText(command.textContent);
    button.textContent = 'Copied';
  };
  command.after(button);
}
const mail = document.querySelector('[data-fit]');
if (mail) {
  const fit = () => {
    mail.style.height = `${mail.contentDocument.body.offsetHeight + 2}px`;
  };
  mail.addEventListener('load', fit);
  addEventListener('resize', fit);
  if (mail.contentDocument?.readyState === 'complete') fit();
}
