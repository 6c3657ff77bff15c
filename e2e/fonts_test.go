package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// fonts are those of the pictures in docs/screenshots. A Debian with fonts-inter, fonts-noto-core and fonts-noto-cjk
// has them; scripts/need installs these beside the browser.
var fonts = []string{"inter/Inter-Regular.?tf", "inter/Inter-SemiBold.?tf", "inter/Inter-Bold.?tf",
	"noto/NotoSansArabic-Regular.?tf", "noto/NotoSansArabic-Bold.?tf",
	"noto/NotoSansCJK-Regular.ttc", "noto/NotoSansCJK-Bold.ttc", "noto/NotoSansSymbols2-Regular.?tf"}

// fontconfig has a browser draw with the fonts in the directory alone, whatever else the machine has, and in shades of
// grey.
const fontconfig = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
	<dir prefix="relative">fonts</dir>
	<cachedir>CACHE</cachedir>
	<match target="pattern">
		<edit name="family" mode="append"><string>Inter</string><string>Noto Sans Arabic</string></edit>
	</match>
	<match target="font">
		<edit name="antialias" mode="assign"><bool>true</bool></edit>
		<edit name="hinting" mode="assign"><bool>false</bool></edit>
		<edit name="rgba" mode="assign"><const>none</const></edit>
	</match>
</fontconfig>
`

// startPhotographer starts a browser whose pictures are the same on every machine that has the fonts.
func startPhotographer(t *testing.T) context.Context {
	t.Helper()
	needBrowser(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "fonts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, font := range fonts {
		found, _ := filepath.Glob("/usr/share/fonts/*/" + font) // the pattern is well-formed
		if len(found) == 0 {
			missing(t, "there is no /usr/share/fonts/*/"+font+"; `scripts/need fonts` installs it on Debian")
		}
		if err := os.Symlink(found[0], filepath.Join(dir, "fonts", filepath.Base(found[0]))); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "fonts.conf")
	settings := strings.Replace(fontconfig, "CACHE", filepath.Join(dir, "cache"), 1)
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop, err := startBrowser(findBrowser(), chromedp.Env("FONTCONFIG_FILE="+file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ctx
}
