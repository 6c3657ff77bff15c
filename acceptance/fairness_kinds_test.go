package acceptance_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// network returns the address that a request comes from. Each season has its own network.
type network func(s *siege, i, round int) string

func fromOne(s *siege, _, _ int) string { return fmt.Sprintf("203.0.%d.9", s.season) }

// from24 uses 200 addresses of one IPv4 /24. The other functions each use one IPv6 network of the named size.
func from24(s *siege, i, round int) string {
	return fmt.Sprintf("203.0.%d.%d", s.season, 20+(i+round)%200)
}
func from64(s *siege, i, round int) string {
	return fmt.Sprintf("2001:db8:a%02x:1::%x:%x", s.season, i, round%0xffff)
}
func from56(s *siege, i, round int) string {
	return fmt.Sprintf("2001:db8:a%02x:%x::1", s.season, 0x100+(i+round)%256)
}
func from48(s *siege, i, round int) string {
	return fmt.Sprintf("2001:db8:a%02x:%x::1", s.season, (i*251+round)%0x10000)
}

// logins are attempts to sign in to the given number of hostile accounts.
func logins(accounts int, password string, from network) aim {
	return func(s *siege, i, round int) shot {
		email := s.mallory(i%accounts) + "@example.com"
		return shot{method: "POST", path: "/login", body: formOf("email", email, "password", password, "remember",
			"on"), from: from(s, i, round)}
	}
}

// guesses are attempts to sign in to accounts that do not exist.
func guesses(from network) aim {
	return func(s *siege, i, round int) shot {
		email := fmt.Sprintf("nobody%d-%d-%d@example.com", s.season, i, round)
		return shot{method: "POST", path: "/login", body: formOf("email", email, "password", "a wrong password"),
			from: from(s, i, round)}
	}
}

func forgets(from network) aim {
	return func(s *siege, i, round int) shot {
		return shot{method: "POST", path: "/login/forgot",
			body: formOf("email", fmt.Sprintf("nobody%d-%d-%d@example.com", s.season, i, round)),
			from: from(s, i, round)}
	}
}

func signUps(from network) aim {
	return func(s *siege, i, round int) shot {
		email := fmt.Sprintf("new%d-%d-%d@example.com", s.season, i, round)
		return shot{method: "POST", path: "/signup", body: formOf("email", email, "password", password, "name", "M"),
			from: from(s, i, round)}
	}
}

// reads are requests without a body and without a session.
func reads(method, path string, headers ...string) aim {
	return func(s *siege, _, _ int) shot {
		return shot{method: method, path: path, from: fromOne(s, 0, 0), headers: headers}
	}
}

// forged requests each carry another session token that does not exist.
func forged(method, path string) aim {
	return func(s *siege, i, round int) shot {
		token := fmt.Sprintf("%043d", i*1_000_000+round)
		return shot{method: method, path: path, from: fromOne(s, 0, 0), session: &token}
	}
}

// signedIn runs n clients with sessions of one user; each sends its shots with one of them. There are fewer
// sessions than the limit for a user.
func signedIn(n int, attack func(int, aim) func(context.Context, *siege),
	next func(i, round int) shot) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		tokens := s.sessions(s.mallory(0), min(n, sessionsPerUser-10))
		of := make([]string, n) // the session of each client, which answers may replace
		for i := range of {
			of[i] = tokens[i%len(tokens)]
		}
		attack(n, func(s *siege, i, round int) shot {
			x := next(i, round)
			x.from, x.session = fromOne(s, 0, 0), &of[i]
			return x
		})(ctx, s)
	}
}

// always returns the same shot every time.
func always(method, path string, form ...string) func(int, int) shot {
	x := shot{method: method, path: path, body: formOf(form...)}
	return func(int, int) shot { return x }
}

// endpoint is a method of one of the gate's routes.
type endpoint struct{ method, path string }

// endpoints returns all endpoints, read from the routes of the pages, so that new routes are attacked too.
func endpoints(t *testing.T) (list []endpoint) {
	t.Helper()
	c, err := config.Load(t.Context(), []string{"GATEPOST_UPSTREAM=http://localhost:1",
		"GATEPOST_TOKENS=/api", "GATEPOST_SMTP_URL=smtp://localhost:1", "GATEPOST_MAIL_FROM=gate@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ui, err := c.UI(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	routes := reflect.ValueOf(ui).Elem().FieldByName("routes")
	for _, path := range routes.MapKeys() {
		for _, method := range routes.MapIndex(path).MapKeys() {
			list = append(list, endpoint{method.String(), path.String()})
		}
	}
	slices.SortFunc(list, func(a, b endpoint) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(list) < 30 {
		t.Fatalf("the routes were not found: %v", list)
	}
	return list
}

// everyone makes clients that each attack one endpoint of the method, with all fields filled in.
func everyone(method string) aim {
	return func(s *siege, i, round int) shot {
		var paths []string
		for _, e := range s.endpoints {
			if e.method == method {
				paths = append(paths, e.path)
			}
		}
		return s.at(endpoint{method, paths[i%len(paths)]}, i, round)
	}
}

// at returns a shot at an endpoint. Each client has an account of its own, so that a deletion affects no other
// client.
func (s *siege) at(e endpoint, i, round int) shot {
	x := shot{method: e.method, path: e.path, from: fromOne(s, 0, 0)}
	if e.method == "POST" {
		x.body = formOf("email", s.mallory(i)+"@example.com", "password", password, "current", password,
			"name", fmt.Sprint("M", round),
			"id", "x", "token", fmt.Sprintf("%043d", round), "next", "/dashboard", "remember", "on")
	}
	return x
}

// ofEverybody gives each client a session of its own account.
func ofEverybody(n int, attack func(int, aim) func(context.Context, *siege), next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		of := make([]string, n)
		for a := range hostileAccounts {
			tokens := s.sessions(s.mallory(a), n/hostileAccounts+1)
			for i := a; i < n; i += hostileAccounts {
				of[i] = tokens[i/hostileAccounts]
			}
		}
		attack(n, func(s *siege, i, round int) shot {
			x := next(s, i, round)
			x.session = &of[i]
			return x
		})(ctx, s)
	}
}

// fat gives a user so many events that their export takes some MiB.
func fat(n int) func(*siege) {
	return func(s *siege) {
		s.sql(s.t, fmt.Sprintf(`INSERT INTO gatepost.audit_event (at, event, result, user_id, client, request_id)
			SELECT now(), 'sign-in', 'ok', '%s', '203.0.113.7', 'x' FROM generate_series(1, %d)`, s.mallory(0), n))
	}
}

// after runs first before the attack.
func after(first func(*siege), attack func(context.Context, *siege)) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		first(s)
		attack(ctx, s)
	}
}

// hostiles returns all kinds of hostile clients.
func hostiles(t *testing.T) []hostile {
	long := strings.Repeat("/x", 28<<10)
	list := []hostile{
		{name: "forgotten passwords", attack: flood(800, forgets(fromOne))},
		{name: "forgotten passwords, HTTP/2", tls: true, attack: streams(1000, forgets(fromOne))},
		{name: "forgotten passwords from a /24", networks: 200, attack: flood(800, forgets(from24))},
		{name: "forgotten passwords from a /56", networks: 256, rare: true, attack: flood(800, forgets(from56))},
		{name: "right passwords", attack: flood(220, logins(1, password, fromOne))},
		{name: "right passwords, HTTP/2", tls: true, attack: streams(1000, logins(1, password, fromOne))},
		{name: "right passwords of two accounts", rare: true, attack: flood(220, logins(2, password, fromOne))},
		{name: "right passwords of many accounts", attack: flood(220, logins(hostileAccounts, password, fromOne))},
		{name: "right passwords from a /24", networks: 200,
			attack: flood(220, logins(hostileAccounts, password, from24))},
		{name: "right passwords from a /64", rare: true, attack: flood(220, logins(hostileAccounts, password, from64))},
		{name: "right passwords from a /48", networks: 1000,
			attack: flood(220, logins(hostileAccounts, password, from48))},
		{name: "wrong passwords", attack: flood(220, logins(1, "a wrong password", fromOne))},
		{name: "guesses", attack: flood(400, guesses(fromOne))},
		{name: "guesses from a /24", networks: 200, rare: true, attack: flood(400, guesses(from24))},
		{name: "guesses from a /56", networks: 256, attack: flood(400, guesses(from56))},
		{name: "guesses from a /48", networks: 1000, rare: true, attack: flood(400, guesses(from48))},
		{name: "sign-ups", attack: flood(200, signUps(fromOne))},
		{name: "sign-ups from a /48", networks: 1000, attack: flood(200, signUps(from48))},
		{name: "confirmed passwords", attack: signedIn(90, flood, always("POST", "/account/sessions/end-others",
			"password", password))},
		{name: "confirmed wrong passwords", rare: true,
			attack: signedIn(90, flood, always("POST", "/account/export", "password", "a wrong password"))},
		{name: "new passwords", rare: true,
			attack: signedIn(90, flood, always("POST", "/account/password", "current", "a wrong password", "password",
				"another good password"))},
		{name: "new names", attack: signedIn(200, flood, func(i, round int) shot {
			return shot{method: "POST", path: "/account/name", body: formOf("name", fmt.Sprint(i, "-", round))}
		})},
		{name: "account pages", attack: signedIn(200, flood, always("GET", "/account"))},
		{name: "account pages, HTTP/2", tls: true, attack: signedIn(1000, streams, always("GET", "/account"))},
		{name: "sessions described", attack: signedIn(400, flood, always("GET", "/api/auth/get-session"))},
		{name: "forged sessions described", attack: flood(400, forged("GET", "/api/auth/get-session"))},
		{name: "no sessions described", rare: true, attack: flood(400, reads("GET", "/api/auth/get-session"))},
		{name: "logouts of forged sessions", attack: flood(400, forged("POST", "/logout"))},
		{name: "logouts", rare: true, attack: signedIn(400, flood, always("POST", "/logout"))},
		{name: "downloads of one's data",
			attack: after(fat(30_000), signedIn(40, flood, always("POST", "/account/export")))},
		{name: "many downloads of one's data", rare: true,
			attack: after(fat(400_000), signedIn(200, flood, always("POST", "/account/export")))},
		{name: "downloads of one's data, never read", mute: true,
			attack: after(fat(30_000), signedIn(60, deaf, always("POST", "/account/export")))},
		{name: "every form", attack: flood(400, everyone("POST"))},
		{name: "every form, signed up", attack: ofEverybody(400, flood, everyone("POST"))},
		{name: "every form, signed up, HTTP/2", tls: true, attack: ofEverybody(1000, streams, everyone("POST"))},
		{name: "every page", attack: flood(400, everyone("GET"))},
		{name: "every page, signed up", attack: ofEverybody(400, flood, everyone("GET"))},
		{name: "every page, HTTP/2", tls: true, rare: true, attack: streams(1000, everyone("GET"))},
		{name: "forged sessions at the app", attack: flood(400, forged("GET", "/dashboard/short"))},
		{name: "forged sessions at the app, HTTP/2", tls: true, rare: true,
			attack: streams(1000, forged("GET", "/dashboard/short"))},
		{name: "forged sessions on public pages", attack: flood(400, forged("GET", "/public/short"))},
		{name: "a huge next", attack: flood(200, reads("GET", "/login?next=/"+long))},
		{name: "a huge next in a form", attack: flood(200, func(s *siege, _, _ int) shot {
			return shot{method: "POST", path: "/login", body: formOf("email", "x", "next", long),
				from: fromOne(s, 0, 0)}
		})},
	}
	list = append(list, slowHostiles()...)
	list = append(list, leavingHostiles()...)
	list = append(list, directHostiles()...)
	for _, e := range endpoints(t) {
		next := func(s *siege, i, round int) shot { return s.at(e, i, round) }
		list = append(list, hostile{name: e.method + " " + e.path, rare: true, attack: flood(400, next)},
			hostile{name: e.method + " " + e.path + ", signed up", rare: true, attack: ofEverybody(400, flood, next)})
	}
	return list
}

// directHostiles returns the kinds that connect from loopback.
func directHostiles() []hostile {
	return []hostile{
		{name: "from loopback: forgotten passwords", direct: true, attack: flood(800, forgets(fromOne))},
		{name: "from loopback: right passwords", direct: true, attack: flood(220, logins(1, password, fromOne))},
		{name: "from loopback: half-sent forms", direct: true, mute: true, attack: halfForms(2500, 4000)},
		{name: "from loopback: every form", direct: true, rare: true,
			attack: ofEverybody(400, flood, everyone("POST"))},
		{name: "from loopback: forged sessions", direct: true, rare: true,
			attack: flood(400, forged("GET", "/dashboard/short"))},
	}
}

// deaf clients send requests and read no answer.
func deaf(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, i, round int) {
			if c.sends(s.raw(next(s, i, round))) {
				<-ctx.Done()
			}
		})
	}
}

// hangingUp clients send requests and hang up before the answer.
func hangingUp(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, i, round int) { c.sends(s.raw(next(s, i, round))) })
	}
}
