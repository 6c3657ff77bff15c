package auth

import (
	"net/netip"
	"testing"
)

// Networks take turns, so that an export may have its turn before one that was asked for earlier.
func TestTheExportThatWasAskedForLastStays(t *testing.T) {
	x := newExports()
	earlier, later := x.asked.Add(1), x.asked.Add(1)
	stays, end := x.begin(t.Context(), "ada", netip.Addr{}, later)
	defer end()
	goes, end := x.begin(t.Context(), "ada", netip.Addr{}, earlier)
	defer end()
	if stays.Err() != nil || goes.Err() == nil {
		t.Errorf("the later one: %v, the earlier one: %v", stays.Err(), goes.Err())
	}
	last, end := x.begin(t.Context(), "ada", netip.Addr{}, x.asked.Add(1))
	defer end()
	if stays.Err() == nil || last.Err() != nil {
		t.Errorf("the later one: %v, the last one: %v", stays.Err(), last.Err())
	}
}
