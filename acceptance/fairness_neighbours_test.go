package acceptance_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// neighbours are the clients that have nothing to do with a hostile client.
type neighbours struct {
	list map[string]*neighbour
}

// neighbour repeats its round, and notes each answer that differs from the one without a siege.
type neighbour struct {
	round  func(i int)
	enough int           // how many rounds are enough
	pause  time.Duration // between two rounds, so that the neighbours do not overload the gate themselves

	mu    sync.Mutex
	begun int // rounds begun in all
	made  int // rounds made since countFromHere
	wrong map[string]int
	waits []time.Duration
}

// account is what the neighbours were answered.
type account map[string]*neighbour

func (a account) wrong() map[string]int {
	all := map[string]int{}
	for _, n := range a {
		maps.Copy(all, n.wrong)
	}
	return all
}

// maxWaits bounds the waits that are kept in a soak.
const maxWaits = 200_000

// The names of the neighbours.
const (
	keptSession = "kept session"
	signingIn   = "sign-in"
	health      = "health"
)

func newNeighbours(t *testing.T, w *town) *neighbours {
	return &neighbours{map[string]*neighbour{
		keptSession: w.keepsASession(t),
		signingIn:   w.signsIn(t),
		health:      w.asksForHealth(t),
	}}
}

// adaAddress is the address of the visitor with the kept session.
const adaAddress = "198.51.100.7"

// keepsASession loads a page of the app with a session that the gate has cached.
func (w *town) keepsASession(t *testing.T) *neighbour {
	n := &neighbour{enough: keptRounds, pause: 5 * time.Millisecond}
	client, token := w.client(t), w.door(t, w.client(t), "ada", adaAddress)
	n.round = func(int) {
		began := time.Now()
		n.ask(client, 200, "GET", w.g.url+"/dashboard/short", "", "X-Forwarded-For: "+adaAddress,
			"Cookie: "+w.cookie+"="+token)
		n.waited(time.Since(began))
	}
	return n
}

// signsIn is another user from another network each time. They open the login, send the form and load a page of
// the app.
func (w *town) signsIn(t *testing.T) *neighbour {
	n := &neighbour{enough: signInRounds, pause: 50 * time.Millisecond}
	n.round = func(i int) {
		client := w.client(t)
		defer client.CloseIdleConnections()
		from := fmt.Sprintf("X-Forwarded-For: 198.18.%d.%d", i/2%250, 1+i%250)
		if i%2 == 1 {
			from = fmt.Sprintf("X-Forwarded-For: 2001:db8:b%03x::1", i%4096)
		}
		n.ask(client, 200, "GET", w.g.url+"/login", "", from)
		began := time.Now()
		email := fmt.Sprintf("ada%d@example.com", 1+i%adaAccounts)
		r := n.ask(client, 303, "POST", w.g.url+"/login", formOf("email", email, "password", password,
			"remember", "on"), from)
		n.waited(time.Since(began))
		if token := w.sessionIn(r.header); token != "" {
			n.ask(client, 200, "GET", w.g.url+"/dashboard/short", "", from, "Cookie: "+w.cookie+"="+token)
		}
	}
	return n
}

// asksForHealth requests the gate's health, as load balancers and platforms do.
func (w *town) asksForHealth(t *testing.T) *neighbour {
	n := &neighbour{enough: healthRounds, pause: 20 * time.Millisecond}
	client := w.client(t)
	n.round = func(int) {
		began := time.Now()
		n.ask(client, 200, "GET", w.g.url+"/.gatepost/healthz", "")
		n.ask(client, 200, "GET", w.g.ops+"/healthz", "")
		n.ask(client, 200, "GET", w.g.ops+"/readyz", "")
		n.waited(time.Since(began))
	}
	return n
}

// neighbourPatience is how long a neighbour waits for an answer.
const neighbourPatience = 20 * time.Second

// client returns the HTTP client of a neighbour. It connects from an address of its own if the machine has more
// than one loopback address.
func (w *town) client(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: dialer("127.0.0.3").DialContext, ForceAttemptHTTP2: true}
	if w.roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: w.roots}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: neighbourPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// dialer connects from the given loopback address if the machine has more than one.
func dialer(from string) *net.Dialer {
	if manyLoopbacks() {
		return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	}
	return &net.Dialer{}
}

var manyLoopbacks = sync.OnceValue(func() bool {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err == nil {
		_ = l.Close()
	}
	return err == nil
})

// ask sends a request and notes an answer that is not the wanted one.
func (n *neighbour) ask(client *http.Client, want int, method, target, body string, headers ...string) reply {
	r, err := send(client, method, target, body, headers...)
	what := fmt.Sprint(r.status)
	if err != nil {
		what = "no answer: " + err.Error()
	}
	if r.status != want {
		n.mu.Lock()
		defer n.mu.Unlock()
		u, _ := url.Parse(target)
		n.wrong[fmt.Sprintf("%s %s: %s", method, u.Path, what)]++
	}
	return r
}

// send sends one request.
func send(client *http.Client, method, target, body string, headers ...string) (reply, error) {
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b)}, err
}

// door signs a user in and returns the token of the session.
func (w *town) door(t *testing.T, client *http.Client, name, from string) string {
	t.Helper()
	r, err := send(client, "POST", w.g.url+"/login", formOf("email", name+"@example.com", "password", password,
		"remember", "on"), "X-Forwarded-For: "+from)
	token := w.sessionIn(r.header)
	if err != nil || token == "" {
		t.Fatalf("%s signs in: %d, %v", name, r.status, err)
	}
	return token
}

// sessionIn returns the session token that an answer sets.
func (w *town) sessionIn(h http.Header) string {
	for _, line := range h["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == w.cookie {
			return c.Value
		}
	}
	return ""
}

func (n *neighbour) waited(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made++
	if len(n.waits) < maxWaits {
		n.waits = append(n.waits, d)
	}
}

// visit lets all neighbours repeat their rounds until end returns true, and returns what they were answered.
func (all *neighbours) visit(end func() bool) account {
	ended := make(chan struct{})
	var going sync.WaitGroup
	for _, n := range all.list {
		n.mu.Lock()
		n.wrong, n.waits, n.made = map[string]int{}, nil, 0
		n.mu.Unlock()
		going.Go(func() { n.goRound(ended) })
	}
	for !end() {
		time.Sleep(20 * time.Millisecond)
	}
	close(ended)
	going.Wait()
	a := account{}
	for name, n := range all.list {
		a[name] = &neighbour{wrong: n.wrong, waits: n.waits, made: n.made}
	}
	return a
}

func (n *neighbour) goRound(ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(n.pause):
		}
		n.round(n.begun)
		n.begun++
	}
}

// countFromHere starts the count of rounds anew.
func (all *neighbours) countFromHere() {
	for _, n := range all.list {
		n.mu.Lock()
		n.made = 0
		n.mu.Unlock()
	}
}

// rounds reports whether each neighbour has made enough rounds.
func (all *neighbours) rounds() bool {
	for _, n := range all.list {
		n.mu.Lock()
		made := n.made
		n.mu.Unlock()
		if made < n.enough {
			return false
		}
	}
	return true
}

// formOf returns the body of a form.
func formOf(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}
