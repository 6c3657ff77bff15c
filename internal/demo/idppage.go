package demo

import "html/template"

var idpTemplate = template.Must(template.New("idp").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo ID</title>
<link rel="icon" href="data:,">
<style>
:root {
  color-scheme: light dark;
  --back: light-dark(#f4f5f7, #131518); --card: light-dark(#fff, #1f2226); --text: light-dark(#1b1e23, #eceef1);
  --soft: light-dark(#565d68, #a9b0bb); --line: light-dark(#808791, #7a828e); --faint: light-dark(#e3e5e9, #33383f);
  --accent: light-dark(#6b3fa0, #c9a8f5); --on-accent: light-dark(#fff, #2a1145);
}
*, ::before { box-sizing: border-box }
body {
  margin: 0; padding: 5vh 1rem 1.5rem; color: var(--text); background: var(--back);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main {
  max-width: 26rem; margin: 0 auto; padding: clamp(1.25rem, 6vw, 2rem); overflow-wrap: anywhere;
  background: var(--card); border: 1px solid var(--faint); border-radius: 1rem;
}
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25 }
h1::before {
  content: ""; display: inline-block; width: 1rem; height: 1rem; margin-inline-end: .625rem; border-radius: 50%;
  background: var(--accent);
}
p { margin: 0 0 1.25rem }
button {
  display: flex; gap: .875rem; align-items: center; width: 100%; margin-bottom: .625rem; padding: .75rem 1rem;
  font: inherit; color: inherit; text-align: start; cursor: pointer;
  background: none; border: 1px solid var(--line); border-radius: .5rem;
}
button:hover { border-color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.face {
  flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: 50%; font-weight: 600;
  color: var(--on-accent); background: var(--accent);
}
small { display: block; color: var(--soft); font-size: .9375rem }
.cancel {
  display: block; width: auto; margin: 1rem auto 0; padding: .25rem .5rem;
  color: var(--accent); text-decoration: underline; border: 0;
}
</style>
</head>
<body>
<main>
<h1>Demo ID</h1>
<p>A provider in your demo, as GitHub or Google would be. Who are you?</p>
<form method="post" action="{{.Action}}">
{{range .People}}<button name="who" value="{{.Subject}}"><span class="face"
	aria-hidden="true">{{slice .Name 0 1}}</span>
<span><strong>{{.Name}}</strong> <small>{{.Email}}</small></span></button>
{{end}}<button class="cancel" name="who" value="">Cancel</button>
</form>
</main>
</body>
</html>
`))
