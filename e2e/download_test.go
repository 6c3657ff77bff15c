package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	downloads "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// download makes the browser save downloads in a directory.
func (v *visitor) download() (dir string) {
	v.t.Helper()
	dir = v.t.TempDir()
	_, err := chromedp.CallBrowser(v.ctx, downloads.SetDownloadBehavior, downloads.SetDownloadBehaviorParams{
		Behavior: downloads.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		BrowserContextID: chromedp.FromContext(v.ctx).BrowserContextID,
	})
	if err != nil {
		v.t.Fatalf("allow downloads: %v", err)
	}
	return dir
}

// mustHaveDownloaded checks the file with the person's data, and that the browser stays on the page.
func (v *visitor) mustHaveDownloaded(dir string, p person) {
	v.t.Helper()
	var content []byte
	v.waitFor("the download", func(context.Context) (done bool) {
		var err error
		content, err = os.ReadFile(filepath.Join(dir, "account.json"))
		return err == nil && len(content) > 0 // Chromium may hold the name with an empty file until it is complete
	})
	if !json.Valid(content) || !strings.Contains(string(content), p.email) ||
		!strings.Contains(string(content), p.name) {
		v.t.Errorf("the download is no JSON about %+v:\n%s", p, content)
	}
	if strings.Contains(string(content), "argon2") {
		v.t.Errorf("the download holds a hash:\n%s", content)
	}
	v.mustBeAt("/account")
}
