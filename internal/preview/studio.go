package preview

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// studio has the pages as the files are now.
type studio struct {
	env []string

	mu      sync.Mutex
	ui      *loginui.UI                 // as the files were when nothing was wrong with them; nil: never yet
	rooms   map[string]*loginui.Gallery // of ui, by language, as far as they were asked for
	faults  []string
	stamp   string        // of the files
	version string        // of what is shown; another at each start
	changed chan struct{} // closed when version changes
}

// sampleName stands for the name of an app that has none but localhost: mail does not say that, so that pages and mails
// would have two names.
const sampleName = "Example app"

func newStudio(env []string) *studio { return &studio{env: env, changed: make(chan struct{})} }

// watch looks at the files until ctx ends.
func (s *studio) watch(ctx context.Context) {
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if s.stampNow(ctx) != s.stamped() {
				s.look(ctx)
			}
		}
	}
}

// look reads the settings and all files anew. While something is wrong with them, the pages stay as they were.
func (s *studio) look(ctx context.Context) {
	stamp := s.stampNow(ctx) // before: what is written meanwhile is read again
	c, err := config.Load(ctx, s.env)
	var ui *loginui.UI
	if err == nil {
		if c.Settings.AppName == c.PublicURL.Host && proxy.IsLoopback(c.PublicURL.Hostname()) {
			c.Settings.AppName = sampleName
		}
		ui, err = c.UI(nil, slog.New(slog.DiscardHandler))
	}
	var list config.Faults
	list.Add(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, fault := range list {
		s.faults = append(s.faults, fault.Error())
	}
	if len(list) == 0 {
		s.ui, s.rooms = ui, map[string]*loginui.Gallery{}
	}
	s.stamp, s.version = stamp, time.Now().Format("150405.000000000")
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *studio) stamped() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stamp
}

// now returns what is shown, and a channel that is closed when that changes.
func (s *studio) now() (ui *loginui.UI, faults []string, version string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ui, s.faults, s.version, s.changed
}

// gallery returns the pages in a language, or nil if there are none yet.
func (s *studio) gallery(lang string) *loginui.Gallery {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ui == nil {
		return nil
	}
	if !s.ui.Speaks(lang) {
		lang = s.ui.Languages()[0].Tag
	}
	if s.rooms[lang] == nil {
		s.rooms[lang] = s.ui.Gallery(lang)
	}
	return s.rooms[lang]
}

// files are the files and directories that the settings name.
func (s *studio) files(ctx context.Context) (list []string) {
	settings, _ := config.Read(ctx, s.env)
	for _, name := range []string{settings.Overrides, settings.Stylesheet, settings.Logo} {
		if name != "" && !strings.Contains(name, "://") {
			list = append(list, name)
		}
	}
	return list
}

// ofFile reports whether a fault is of a setting that names files, in which it is likely to be.
func ofFile(fault string) bool {
	return slices.ContainsFunc([]string{"GATEPOST_OVERRIDES", "GATEPOST_STYLESHEET", "GATEPOST_LOGO"},
		func(name string) bool { return strings.HasPrefix(fault, name+":") })
}

// mostFiles bounds what is looked at: a directory that was named by mistake can be a whole disk.
const mostFiles = 2000

// stampNow is another one when a file was saved, added or removed.
func (s *studio) stampNow(ctx context.Context) string {
	var stamp strings.Builder
	seen := 0
	for _, name := range s.files(ctx) {
		_ = filepath.WalkDir(name, func(path string, _ fs.DirEntry, err error) error {
			if seen++; seen > mostFiles {
				return fs.SkipAll
			}
			if info, statErr := os.Stat(path); cmp.Or(err, statErr) == nil {
				fmt.Fprintln(&stamp, path, info.Size(), info.ModTime().UnixNano())
			}
			return nil // what cannot be read is a fault that reading it finds
		})
	}
	return stamp.String()
}

// watches says which files show at once when they are saved.
func (s *studio) watches() string {
	files := s.files(context.Background())
	if len(files) == 0 {
		return "No files of yours are shown: set GATEPOST_OVERRIDES, GATEPOST_STYLESHEET or GATEPOST_LOGO.\n"
	}
	return "Whatever you save in " + strings.Join(files, ", ") + " shows at once.\n"
}
