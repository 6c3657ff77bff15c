package loginui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Accent is the colour of buttons, links and the focus ring. The zero value is the gate's own blue.
type Accent struct{ light, dark colour }

// colour holds red, green and blue as sRGB values from 0 to 1.
type colour [3]float64

// Colours of style.css against which the contrast of accented text is measured.
var (
	lightBack = colour{0xf4 / 255.0, 0xf5 / 255.0, 0xf7 / 255.0}
	darkCard  = colour{0x1f / 255.0, 0x22 / 255.0, 0x26 / 255.0}
	white     = colour{1, 1, 1}
	black     = colour{}
)

// enoughContrast is the least contrast ratio of readable text (WCAG 2.2, 1.4.3).
const enoughContrast = 4.5

// ParseAccent reads a colour like #1f5fbf. It fails if the colour has too little contrast with the light page.
// For the dark page the colour is made lighter until it has enough.
func ParseAccent(s string) (Accent, error) {
	c, ok := parseColour(s)
	if !ok {
		return Accent{}, fmt.Errorf("%q is not a colour like #1f5fbf", s)
	}
	if r := c.contrast(lightBack); r < enoughContrast {
		return Accent{}, fmt.Errorf("%q has a contrast of %.1f to 1 with the page, too little to read: take a "+
			"darker one, for example %s", s, r, c.until(black, lightBack))
	}
	return Accent{c, c.until(white, darkCard)}, nil
}

// onLight returns the accent of the light page, for mail, which has no stylesheet.
func (a Accent) onLight() string {
	if a == (Accent{}) {
		return ours
	}
	return a.light.String()
}

// onDark returns the accent of the dark page, and inkOnDark the colour of text on it.
func (a Accent) onDark() string {
	if a == (Accent{}) {
		return oursDark
	}
	return a.dark.String()
}

func (a Accent) inkOnDark() string {
	if a == (Accent{}) {
		return oursOnDark
	}
	return black.String()
}

// The default accents: --accent of the light and of the dark page in style.css, and --on-accent of the dark one.
const (
	ours       = "#1f5fbf"
	oursDark   = "#8ab4f8"
	oursOnDark = "#10233f"
)

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

// luminance returns the relative luminance as WCAG 2.2 defines it.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast returns the contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21.
func (c colour) contrast(with colour) float64 {
	a, b := c.luminance(), with.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// until mixes c with other, step by step, until the result has enough contrast with back.
func (c colour) until(other, back colour) colour {
	const steps = 50
	mixed := c
	for i := 1; mixed.contrast(back) < enoughContrast && i <= steps; i++ {
		for j := range mixed {
			mixed[j] = c[j] + (other[j]-c[j])*float64(i)/steps
		}
		mixed, _ = parseColour(mixed.String()) // rounded as the browser gets it
	}
	return mixed
}

// css returns CSS that sets the accent variables of style.css, or "" for the zero value.
func (a Accent) css() string {
	if a == (Accent{}) {
		return ""
	}
	return fmt.Sprintf(":root{--accent:%s;--on-accent:%s}@media "+
		"(prefers-color-scheme:dark){:root{--accent:%s;--on-accent:%s}}\n",
		a.light, white, a.dark, black)
}
