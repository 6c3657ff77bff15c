"use strict";
// The gallery works without this script: then it neither follows what is saved nor makes frames as high as their pages.

// A page is as high as its frame at least, so that each is measured in a low one. The event comes before a script at
// the end of the gallery would listen.
document.addEventListener("load", (event) => {
  const frame = event.target;
  if (!(frame instanceof HTMLIFrameElement)) return;
  frame.height = 200;
  const page = frame.contentDocument?.documentElement;
  frame.height = Math.min(Math.max(page?.scrollHeight ?? 480, 200), 4000) + 2;
}, true);

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form");
  if (form) {
    form.addEventListener("change", (event) => event.target.type !== "search" && form.submit());
    form.querySelector("button").hidden = true;
    const search = form.querySelector(".search");
    search.hidden = false;
    search.addEventListener("input", () => show(search.querySelector("input").value.toLowerCase()));
  }
  new EventSource("/events").addEventListener("message", (event) => {
    if (event.data !== document.body.dataset.version) location.reload();
  });
});

// show hides what has not the wanted words in its group, name or note.
function show(wanted) {
  for (const figure of document.querySelectorAll("figure")) {
    const text = figure.closest("section").dataset.name + " " + figure.querySelector("figcaption").textContent;
    figure.hidden = !text.toLowerCase().includes(wanted);
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("figure:not([hidden])");
  }
}
