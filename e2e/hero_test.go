package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// hero is a page with two pictures of pages as windows, one behind the other: what the README begins with.
const hero = `<style>
	body { margin: 0; width: 1080px; height: 680px; position: relative; overflow: hidden; background: BACK }
	div {
		position: absolute; overflow: hidden; border: 1px solid EDGE; border-radius: 12px;
		box-shadow: 0 2px 4px SHADE, 0 16px 40px SHADE;
	}
	img { display: block; width: 100% }
	.behind { left: 24px; top: 28px; width: 620px; height: 624px }
	.before { right: 24px; top: 40px; width: 388px; height: 600px }
	.before img { width: 640px; margin: -8px 0 0 -126px }
</style><div class="behind"><img src="BEHIND"></div><div class="before"><img src="BEFORE"></div>`

// compose takes a picture of two others: before is a narrow page, of which the middle is enough.
func (a *album) compose(name, before, behind string) {
	a.t.Helper()
	back, edge, shade := "#dfe7f3", "#c3cbd8", "rgb(16 24 40 / .16)"
	if strings.HasSuffix(name, "dark") {
		back, edge, shade = "#0b0c0e", "#3a4048", "rgb(0 0 0 / .6)"
	}
	a.as(look{width: 1080, height: 680, scale: 2})
	a.show(strings.NewReplacer("BACK", back, "EDGE", edge, "SHADE", shade,
		"BEHIND", a.embedded(behind), "BEFORE", a.embedded(before)).Replace(hero))
	a.take(name)
}

func (a *album) embedded(name string) string {
	return fmt.Sprint("data:image/png;base64,", base64.StdEncoding.EncodeToString(a.pictures[name]))
}
