package loginui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Accent is the colour of buttons, links and the focus. The zero value is ours.
type Accent struct{ light, dark colour }

// colour has red, green and blue from 0 to 1, as sRGB has them.
type colour [3]float64

// What stands behind accented text, in style.css.
var (
	lightBack = colour{0xf4 / 255.0, 0xf5 / 255.0, 0xf7 / 255.0}
	darkCard  = colour{0x1f / 255.0, 0x22 / 255.0, 0x26 / 255.0}
	white     = colour{1, 1, 1}
	black     = colour{}
)

// enoughContrast is what text needs to be read (WCAG 2.2, 1.4.3).
const enoughContrast = 4.5

// ParseAccent reads a colour like #1f5fbf. One that cannot be read on a light page is refused; for the dark page it is made
// lighter until it can.
func ParseAccent(s string) (Accent, error) {
	c, ok := parseColour(s)
	if !ok {
		return Accent{}, fmt.Errorf("%q is not a colour like #1f5fbf", s)
	}
	if r := c.contrast(lightBack); r < enoughContrast {
		return Accent{}, fmt.Errorf("%q has a contrast of %.1f to 1 with the page, too little to read: take a darker one, for example %s", s, r, c.until(black, lightBack))
	}
	return Accent{c, c.until(white, darkCard)}, nil
}

// onLight is the accent where there is no dark page.
func (a Accent) onLight() string {
	if a == (Accent{}) {
		return ours
	}
	return a.light.String()
}

// ours is --accent of the light page in style.css.
const ours = "#1f5fbf"

func parseColour(s string) (c colour, ok bool) {
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	if !ok || len(digits) != 6 {
		return colour{}, false
	}
	for i := range c {
		v, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		if err != nil {
			return colour{}, false
		}
		c[i] = float64(v) / 255
	}
	return c, true
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func (c colour) contrast(with colour) float64 {
	a, b := c.luminance(), with.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// until mixes in another colour, in steps, until there is enough contrast with what stands behind.
func (c colour) until(other, back colour) colour {
	const steps = 50
	mixed := c
	for i := 1; mixed.contrast(back) < enoughContrast && i <= steps; i++ {
		for j := range mixed {
			mixed[j] = c[j] + (other[j]-c[j])*float64(i)/steps
		}
		mixed, _ = parseColour(mixed.String()) // as the browser will see it
	}
	return mixed
}

// css sets the variables of style.css; nothing for the zero value.
func (a Accent) css() string {
	if a == (Accent{}) {
		return ""
	}
	return fmt.Sprintf(":root{--accent:%s;--on-accent:%s}@media (prefers-color-scheme:dark){:root{--accent:%s;--on-accent:%s}}\n",
		a.light, white, a.dark, black)
}
