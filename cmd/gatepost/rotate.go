package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/seal"
)

// rotateKeys seals anew, prints what became of how many values, and says which keys may be left out.
func (p *process) rotateKeys(ctx context.Context, c *cli.Command) error {
	if c.Bool("assertion") {
		return p.rotateAssertionKey(ctx, c)
	}
	return p.withStore(ctx, func(s *auth.Store) error {
		progress := p.newProgress("values")
		r, err := s.RotateKeys(ctx, progress.at)
		progress.end()
		if errors.Is(err, seal.ErrNoKey) {
			return errors.New("there is no key: set GATEPOST_ENCRYPTION_KEY to the new key, a comma and the old key (see " +
				"docs/operate.md)")
		}
		if err != nil {
			err = fmt.Errorf("%w (what was sealed anew stays so, and the same command goes on)", err)
		}
		if printed := p.printRotation(c, r, err == nil); err == nil {
			err = printed
		}
		if err == nil {
			err = stillUsed(r)
		}
		return err
	})
}

// rotationJSON is the outcome for scripts. Keys are named by their ids, as gatepost check does.
type rotationJSON struct {
	Key     string        `json:"key"` // the first
	Columns []rotatedJSON `json:"columns"`
	Unused  []string      `json:"unused"` // other keys, which may be left out
	Used    []string      `json:"used"`   // other keys, which may not
}

type rotatedJSON struct {
	Column  string `json:"column"` // as table.column
	Anew    int64  `json:"anew"`
	Already int64  `json:"already"`
	NoKey   int64  `json:"noKey"`
	Damaged int64  `json:"damaged"`
	Held    int64  `json:"held"`
}

func newRotationJSON(r auth.Rotation) rotationJSON {
	j := rotationJSON{Key: r.Key, Columns: []rotatedJSON{}, Unused: append([]string{}, r.Unused...),
		Used: append([]string{}, r.Used...)}
	for _, n := range r.Columns {
		j.Columns = append(j.Columns, rotatedJSON{n.Column.Table + "." + n.Column.Name, n.Anew, n.Already, n.NoKey,
			n.Damaged, n.Held})
	}
	return j
}

// printRotation prints the counts and, of a run that came to its end, what they mean.
func (p *process) printRotation(c *cli.Command, r auth.Rotation, whole bool) error {
	j := newRotationJSON(r)
	if c.Bool("json") {
		return p.printJSON(j)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tSEALED ANEW\tALREADY\tNO KEY\tDAMAGED\tHELD")
	var damaged int64
	for _, n := range j.Columns {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", n.Column, n.Anew, n.Already, n.NoKey, n.Damaged, n.Held)
		damaged += n.Damaged
	}
	if err := w.Flush(); err != nil || !whole {
		return err
	}
	if damaged > 0 {
		p.note(counted(int(damaged), "value") + " cannot be opened with any key, as what stands there is not what was " +
			"sealed for the row; the next sign-in of the user replaces it")
	}
	if len(r.Unused) > 0 {
		fmt.Fprintf(p.stdout, "\nNothing is sealed with %s any more. Leave out of GATEPOST_ENCRYPTION_KEY what you have of "+
			"that, and restart\nall gates. Keep it as long as a backup of the database from before today.\n", keyList(r.Unused))
	}
	if len(r.Unused) == 0 && len(r.Used) == 0 {
		fmt.Fprintf(p.stdout, "\nEverything is sealed with key %s, and there is no other key to leave out.\n", r.Key)
	}
	return nil
}

func keyList(ids []string) string {
	if len(ids) == 1 {
		return "key " + printable(ids[0])
	}
	return "keys " + printable(strings.Join(ids, ", "))
}

// stillUsed is what hinders a key from being left out, with what to do about it, and nil when nothing does.
func stillUsed(r auth.Rotation) error {
	var noKey, held int64
	for _, n := range r.Columns {
		noKey += n.NoKey
		held += n.Held
	}
	switch {
	case len(r.Used) == 0: // what was in the way is gone
		return nil
	case noKey > 0:
		return fmt.Errorf("%s could not be opened, as the key is not in GATEPOST_ENCRYPTION_KEY: keep every old key, put "+
			"the missing one (of %s) behind the others, and say gatepost key rotate again; if it is lost, see "+
			"docs/troubleshoot.md", counted(int(noKey), "value"), keyList(r.Used))
	case held > 0:
		return fmt.Errorf("%s could not be sealed anew, as others held the rows: keep %s, and say gatepost key rotate "+
			"again", counted(int(held), "value"), keyList(r.Used))
	default:
		return fmt.Errorf("something was sealed with %s meanwhile: keep the old key, restart every gate with the new key in "+
			"front, and say gatepost key rotate again", keyList(r.Used))
	}
}
