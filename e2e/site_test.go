package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// builtSite returns the directory in which the site of docs/ was built. A dead link ends the build.
func builtSite(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("../scripts/site/node_modules/vitepress"); err != nil {
		missing(t, "VitePress is not installed; `make e2e` installs it")
	}
	dir := t.TempDir()
	cmd := exec.Command(needNode(t), "node_modules/vitepress/bin/vitepress.js", "build", "--outDir", dir)
	cmd.Dir = "../scripts/site"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the site: %v\n%s", err, out)
	}
	return dir
}

// The site of docs/ is whole: links lead somewhere, search finds, the dark mode stays, pages hold on a telephone, and
// the browser speaks to nobody else.
func TestTheSiteOfTheDocumentation(t *testing.T) {
	needBrowser(t)
	dir := builtSite(t)
	pages := pagesIn(t, dir)
	t.Run("links", func(t *testing.T) { checkLinks(t, pages) })
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	v := newVisitorOf(t, &gateway{url: server.URL})
	o := v.observe()
	v.as(look{scheme: "light", width: 320, height: 640, scale: 1})
	for page := range pages {
		if !strings.HasSuffix(page, ".html") {
			continue
		}
		v.open("/" + page)
		v.rest()
		const wide = `document.documentElement.scrollWidth`
		if got := ask(v, "measure "+page, chromedp.Evaluate[int](wide)); got > 320 {
			t.Errorf("%s is %d wide in a window of 320", page, got)
		}
	}
	v.as(look{scheme: "light", width: 1280, height: 800, scale: 1})
	v.searchesTheSite("session cookie", "/security")
	v.switchesToDark()
	troubles, _ := o.take()
	for _, trouble := range troubles {
		t.Error(trouble)
	}
}

// searchesTheSite types words into the search, and follows the first result that leads to the page.
func (v *visitor) searchesTheSite(words, page string) {
	v.t.Helper()
	v.open("/")
	v.mustComeToSee("Search")
	ask(v, "open the search", chromedp.Click(chromedp.CSS(".DocSearch-Button")))
	v.waitFor("the field of the search", func(ctx context.Context) bool {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.activeElement.id === "localsearch-input"`))
		return err == nil && there
	})
	call(v, "search", input.InsertText, input.InsertTextParams{Text: words})
	result := ".VPLocalSearchBox .result[href*='" + page + "']"
	v.waitFor("a result of "+page, func(ctx context.Context) bool {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!document.querySelector("`+result+`")`))
		return err == nil && there
	})
	ask(v, "follow the result", chromedp.Click(chromedp.CSS(result)))
	v.waitFor(page, func(ctx context.Context) bool {
		where, err := chromedp.Run(ctx, chromedp.Location())
		return err == nil && strings.HasPrefix(where, v.gate.url+page)
	})
}

// switchesToDark checks that the switch works, and that the next page is dark as well.
func (v *visitor) switchesToDark() {
	v.t.Helper()
	const back = `getComputedStyle(document.body).backgroundColor`
	light := ask(v, "read the colour", chromedp.Evaluate[string](back))
	ask(v, "switch to dark", chromedp.Evaluate[chromedp.Void](`document.querySelector(".VPSwitchAppearance").click()`))
	dark := ask(v, "read the colour", chromedp.Evaluate[string](back))
	v.open("/rules.html")
	if next := ask(v, "read the colour", chromedp.Evaluate[string](back)); light == dark || next != dark {
		v.t.Errorf("the page is %s, after the switch %s, and the next one %s", light, dark, next)
	}
}

// observer is a watch that also notes what scripts complain of, and requests to others.
type observer struct {
	watch
	home string
}

func (v *visitor) observe() *observer {
	v.t.Helper()
	o := &observer{home: v.gate.url + "/"}
	if err := chromedp.Listen(v.ctx, o.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	return o
}

func (o *observer) note(event any) {
	o.watch.note(event)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if url := e.Request.URL; !strings.HasPrefix(url, o.home) && !strings.HasPrefix(url, "data:") {
			o.troubles = append(o.troubles, "a request for "+url)
		}
	case *runtime.EventConsoleAPICalled:
		o.troubles = append(o.troubles, fmt.Sprintf("the console: %s %+v", e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		o.troubles = append(o.troubles, "a script: "+e.ExceptionDetails.Text)
	}
}

// pagesIn returns the pages of a site by their paths.
func pagesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if name, _ := filepath.Rel(dir, file); strings.HasSuffix(name, ".html") {
			pages[filepath.ToSlash(name)] = string(text)
		} else {
			pages[filepath.ToSlash(name)] = ""
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

var (
	siteLink = regexp.MustCompile(`<a\b[^>]*? href="([^"]*)"`)
	siteFile = regexp.MustCompile(`<(?:img|source|script|link)\b[^>]*? (?:src|srcset|href)="([^"]*)"`)
)

// checkLinks checks that each link of a page leads to a page or a file of the site, and to a heading that is there.
func checkLinks(t *testing.T, pages map[string]string) {
	links := 0
	for name, text := range pages {
		if name == "404.html" {
			continue
		}
		for _, m := range append(siteLink.FindAllStringSubmatch(text, -1), siteFile.FindAllStringSubmatch(text, -1)...) {
			if strings.Contains(m[1], ":") {
				continue // another site, or data
			}
			links++
			to, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if to != "" {
				target = strings.TrimPrefix(path.Join("/"+path.Dir(name), to), "/")
				if strings.HasPrefix(to, "/") {
					target = strings.TrimPrefix(path.Clean(to), "/")
				}
				if to == "/" || strings.HasSuffix(to, "/") {
					target = path.Join(target, "index.html")
				}
			}
			content, there := pages[target]
			if !there {
				t.Errorf("%s: %s leads nowhere", name, m[1])
			} else if anchor != "" && anchor != "VPContent" && !strings.Contains(content, `id="`+anchor+`"`) {
				t.Errorf("%s: %s leads to no heading", name, m[1])
			}
		}
	}
	if links < 500 {
		t.Errorf("only %d links are found", links)
	}
}
