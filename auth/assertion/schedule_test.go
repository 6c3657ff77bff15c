package assertion

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func aKey(t *testing.T) *key {
	t.Helper()
	k, _, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatHasToBeDoneWithKeys(t *testing.T) {
	t.Parallel()
	k := aKey(t)
	here := func(id string, in time.Duration) dated { return dated{id, k, in} }
	elsewhere := func(id string, in time.Duration) dated { return dated{id, nil, in} }
	first, later := step{make: true}, step{make: true, in: lead}
	for name, c := range map[string]struct {
		rows []dated
		want step
	}{
		"no key":                          {nil, first},
		"one that signs":                  {[]dated{here("a", -time.Hour)}, step{}},
		"one that has signed for long":    {[]dated{here("a", lead-period)}, later},
		"the next is coming":              {[]dated{here("a", -period), here("b", time.Minute)}, step{}},
		"the next has begun":              {[]dated{here("a", -period), here("b", 0)}, step{}},
		"the next has signed for a while": {[]dated{here("a", -period), here("b", -keep)}, step{drop: []string{"a"}}},
		"three": {[]dated{here("a", -period), here("b", -keep), here("c", -time.Second)},
			step{drop: []string{"a"}}},
		"only one that is coming":        {[]dated{here("a", lead)}, first},
		"one that never comes":           {[]dated{here("a", -period), here("b", period)}, later},
		"one from before all time":       {[]dated{here("a", -period*100)}, later},
		"another gate has the only one":  {[]dated{elsewhere("a", -time.Hour)}, step{}},
		"another gate has one as well":   {[]dated{here("a", -time.Hour), elsewhere("b", -keep)}, step{}},
		"not in the order of the rows":   {[]dated{here("b", -keep), here("a", -period)}, step{drop: []string{"a"}}},
		"two began in the same moment":   {[]dated{here("b", -keep), here("a", -keep)}, step{drop: []string{"a"}}},
		"the month is over, and nothing": {[]dated{here("a", -period-time.Hour)}, later},
	} {
		if got := next(c.rows); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// gateOfTest is a gate that looks at the rows now and then.
type gateOfTest struct {
	looked time.Duration
	state  []dated // activeIn is from the beginning
}

// Whenever gates look, and whenever apps fetch the keys, no gate signs with a key that an app with a fresh set does not
// know, and each key is known as long as what it signed is valid.
func TestAppsKnowEachKeyThatSigns(t *testing.T) {
	t.Parallel()
	k, random := aKey(t), rand.New(rand.NewPCG(1, 2))
	var rows []dated
	made := 0
	published := map[string][2]time.Duration{} // from and until
	gates := make([]gateOfTest, 3)
	look := func(g *gateOfTest, now time.Duration) {
		at := slices.Clone(rows)
		for i := range at {
			at[i].activeIn -= now
		}
		s := next(at)
		if s.make {
			made++
			id := fmt.Sprint(made)
			rows = append(rows, dated{id, k, now + s.in})
			published[id] = [2]time.Duration{now, 1 << 62}
		}
		rows = slices.DeleteFunc(rows, func(d dated) bool { return slices.Contains(s.drop, d.id) })
		for _, id := range s.drop {
			published[id] = [2]time.Duration{published[id][0], now}
		}
		g.looked, g.state = now, slices.Clone(rows)
	}
	signs := map[string][2]time.Duration{} // first and last
	for now := time.Duration(0); now < 100*24*time.Hour; now += 10 * time.Second {
		for i := range gates {
			if now-gates[i].looked >= lookEvery || now == 0 || random.IntN(3) == 0 {
				look(&gates[i], now)
			}
			signing := ""
			for _, d := range gates[i].state {
				if d.activeIn <= now {
					signing = d.id
				}
			}
			span, before := signs[signing]
			if !before {
				span[0] = now
			}
			signs[signing] = [2]time.Duration{span[0], now}
		}
	}
	if len(signs) < 4 {
		t.Fatalf("in 100 days only %d keys signed", len(signs))
	}
	for id, span := range signs {
		p := published[id]
		// A gate shows a new key when it looks; a cache may have fetched the set a moment before.
		if known := p[0] + lookEvery + MaxAge; span[0] < known && id != "1" {
			t.Errorf("key %s signs at %v, and everybody knows it at %v", id, span[0], known)
		}
		if valid := span[1] + reuse + lifetime + time.Minute; p[1] < valid {
			t.Errorf("key %s is gone at %v, and what it signed is valid until %v", id, p[1], valid)
		}
	}
}
