package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// Pictures are compared by the mean colours of squares, so that the edges of letters, which differ with the version of
// the browser, do not count.
const (
	square  = 8    // pixels
	tint    = 24   // of 255, in any channel: what differs more is another colour
	mostOff = 0.01 // of the squares may be of another colour
	remedy  = "`make screenshots` takes the pictures anew, if the change was meant"
)

// compare compares all pictures with those of the same names in a directory.
func (a *album) compare(dir string) {
	a.t.Helper()
	for name, picture := range a.pictures {
		file := filepath.Join(dir, name+".png")
		stored, err := os.ReadFile(file)
		if err != nil {
			a.t.Errorf("%v; `make screenshots` takes the pictures", err)
			continue
		}
		now, before := decoded(a.t, picture), decoded(a.t, stored)
		fault, difference := changed(before, now)
		if fault == "" {
			continue
		}
		kept, err := os.MkdirTemp("", "gatepost-screenshots-")
		if err != nil {
			a.t.Fatal(err)
		}
		writePNG(a.t, filepath.Join(kept, name+".png"), now)
		writePNG(a.t, filepath.Join(kept, name+"-difference.png"), difference)
		a.t.Errorf("%s looks different: %s; see the new picture and the difference, in red, in %s. %s.", file, fault, kept,
			remedy)
	}
}

// changed says how two pictures differ, or "". The difference is the new picture with what differs in red.
func changed(before, now image.Image) (fault string, difference draw.Image) {
	area := now.Bounds()
	difference = image.NewRGBA(area)
	draw.Draw(difference, area, now, area.Min, draw.Src)
	if before.Bounds() != area {
		fault = fmt.Sprintf("its size is %v instead of %v", area.Size(), before.Bounds().Size())
		area = area.Intersect(before.Bounds())
	}
	off, all := 0, 0
	for y := area.Min.Y; y < area.Max.Y; y += square {
		for x := area.Min.X; x < area.Max.X; x += square {
			part := image.Rect(x, y, x+square, y+square).Intersect(area)
			if all++; differ(mean(before, part), mean(now, part)) {
				off++
				draw.Draw(difference, part, image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
			}
		}
	}
	if share := float64(off) / float64(max(all, 1)); fault == "" && share > mostOff {
		fault = fmt.Sprintf("%.1f %% of it has another colour", share*100)
	}
	return fault, difference
}

// mean is the mean of each channel in a part of a picture, of 255.
func mean(picture image.Image, part image.Rectangle) (channels [3]int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			for i, value := range []uint32{r, g, b} {
				channels[i] += int(value >> 8)
			}
		}
	}
	for i := range channels {
		channels[i] /= part.Dx() * part.Dy()
	}
	return channels
}

func differ(a, b [3]int) bool {
	for i := range a {
		if max(a[i]-b[i], b[i]-a[i]) > tint {
			return true
		}
	}
	return false
}

func decoded(t *testing.T, picture []byte) image.Image {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func writePNG(t *testing.T, file string, picture image.Image) {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChangedPicturesAreFound(t *testing.T) {
	grey := func(width int, shade uint8, patch image.Rectangle) image.Image {
		p := image.NewGray(image.Rect(0, 0, width, 160))
		draw.Draw(p, p.Bounds(), image.NewUniform(color.Gray{Y: 100}), image.Point{}, draw.Src)
		draw.Draw(p, patch, image.NewUniform(color.Gray{Y: shade}), image.Point{}, draw.Src)
		return p
	}
	all, little := image.Rect(0, 0, 160, 160), image.Rect(8, 8, 24, 24) // 4 squares of 400
	for name, c := range map[string]struct {
		now  image.Image
		want bool
	}{
		"the same":                      {grey(160, 100, all), false},
		"a shade":                       {grey(160, 120, all), false},
		"another colour":                {grey(160, 130, all), true},
		"another colour in one percent": {grey(160, 255, little), false},
		"in a little more":              {grey(160, 255, little.Union(image.Rect(8, 8, 32, 24))), true},
		"another size":                  {grey(168, 100, all), true},
	} {
		if fault, _ := changed(grey(160, 100, all), c.now); (fault != "") != c.want {
			t.Errorf("%s: %q", name, fault)
		}
	}
}
