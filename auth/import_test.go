package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
)

// brokenSource is a source that goes away after some people.
type brokenSource struct {
	people int
	err    error
}

func (brokenSource) Name() string  { return "broken" }
func (brokenSource) Ordered() bool { return false }

func (s brokenSource) People(_ context.Context, f importer.Taker) error {
	var list []importer.Person
	for i := range s.people {
		list = append(list, importer.Person{ID: fmt.Sprint("u", i), Email: fmt.Sprintf("u%d@example.com", i)})
	}
	if err := f(list, int64(s.people)); err != nil {
		return err
	}
	return s.err
}

// An import that died half-way has changed something, and is not recorded as one that went well.
func TestImportsAreAudited(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	away := errors.New("the source went away")
	for _, c := range []struct {
		from brokenSource
		want string // the events up to then
	}{
		{brokenSource{0, away}, ""},
		{brokenSource{2, away}, "import=broken-off"},
		{brokenSource{3, nil}, "import=broken-off import=ok"},
		{brokenSource{3, nil}, "import=broken-off import=ok"}, // nothing was changed
	} {
		_, err := s.Import(t.Context(), c.from, importer.Options{})
		if got := events(t, db); !errors.Is(err, c.from.err) || got != c.want {
			t.Errorf("%+v: %v, events %q, want %q", c.from, err, got, c.want)
		}
	}
}
