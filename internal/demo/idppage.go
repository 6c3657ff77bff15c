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
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
button { font: inherit; width: 100%; padding: .6rem; margin: .3rem 0; text-align: start }
</style>
</head>
<body>
<main>
<h1>Demo ID</h1>
<p>A provider in your demo, as GitHub or Google would be. Who are you?</p>
<form method="post" action="{{.Action}}">
{{range .People}}<button name="who" value="{{.Subject}}"><strong>{{.Name}}</strong><br>{{.Email}}</button>
{{end}}<button name="who" value="">Nobody: go back</button>
</form>
</main>
</body>
</html>
`))
