package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// token makes an API token of a user of the gate's, by a command.
func (g *behindGate) token(t *testing.T, user string) string {
	t.Helper()
	cmd := exec.Command(site.cmd.Path, "token", "create", user, "--name", "test", "--json")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + g.database, "GATEPOST_TOKENS=/"}
	out, err := cmd.Output()
	var made struct{ Token string }
	if err = errors.Join(err, json.Unmarshal(out, &made)); err != nil || made.Token == "" {
		t.Fatalf("a token of %s: %v", user, err)
	}
	return made.Token
}

// byCalDAV tests that a program for calendars works with a token as its password, whatever the name.
func byCalDAV(t *testing.T, g *behindGate, p person) {
	t.Helper()
	token := g.token(t, p.email)
	c, err := caldav.NewClient(webdav.HTTPClientWithBasicAuth(http.DefaultClient, "anything", token), g.url+"/")
	if err != nil {
		t.Fatal(err)
	}
	principal, err := c.FindCurrentUserPrincipal(t.Context())
	if err != nil {
		t.Fatalf("who it is: %v", err)
	}
	home, err := c.FindCalendarHomeSet(t.Context(), principal)
	if err != nil {
		t.Fatalf("their calendars: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "MKCALENDAR", g.url+home+"work/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("anything", token)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("a new calendar: %v, %v", res, err)
	}
	_ = res.Body.Close()
	event := ical.NewEvent()
	event.Props.SetText(ical.PropUID, "one")
	event.Props.SetText(ical.PropSummary, "Tea")
	event.Props.SetDateTime(ical.PropDateTimeStamp, time.Unix(0, 0).UTC())
	event.Props.SetDateTime(ical.PropDateTimeStart, time.Unix(3600, 0).UTC())
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//test//EN")
	calendar.Children = append(calendar.Children, event.Component)
	if _, err := c.PutCalendarObject(t.Context(), home+"work/one.ics", calendar); err != nil {
		t.Fatalf("a new event: %v", err)
	}
	found, err := c.QueryCalendar(t.Context(), home+"work/", &caldav.CalendarQuery{
		CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
		CompFilter:  caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{Name: "VEVENT"}}}})
	if err != nil || len(found) != 1 {
		t.Errorf("the events: %v, %v", found, err)
	}
}
