package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/doctor"
	"github.com/gatepost/gatepost/proxy"
)

func (p *process) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "examine a running site from outside, with hostile requests",
		ArgsUsage: "URL", Action: p.doctor,
		Description: "Sends what attackers send to your own site, through its real CDN, proxy and app, and says " +
			"what got through,\n" +
			"whether the app can be reached beside the gate, and why a login cookie would not stick. It needs no " +
			"settings.\n" +
			"Exit code 0: nothing is wrong; 1: something is; 2: wrong usage.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "protected",
				Usage: "`PATH` of a page that needs a login (default: from GATEPOST_PROTECT, else /dashboard)"},
			&cli.StringFlag{Name: "public",
				Usage: "`PATH` of a page that anybody may open (default: /, or from GATEPOST_PUBLIC)"},
			&cli.StringSliceFlag{Name: "direct",
				Usage: "`ADDRESS` at which the app itself may answer and should not, host:port or http://host:port; " +
					"repeatable"},
			&cli.StringFlag{Name: "ca", Usage: "`FILE` with the certificate of an authority of your own, in PEM, to trust " +
				"besides those of the system"},
			&cli.StringFlag{Name: "email", Usage: "sign in with the test account of this `EMAIL` (needs " +
				"--password-stdin)"},
			&cli.BoolFlag{Name: "password-stdin",
				Usage: "read the test account's password from the first line of standard input"},
			&cli.BoolFlag{Name: "json", Usage: "print the findings as JSON"},
			&cli.BoolFlag{Name: "verbose", Usage: "list each request and what came back, on standard error"},
		},
	}
}

func (p *process) doctor(ctx context.Context, c *cli.Command) error {
	examine, err := p.doctorConfig(ctx, c)
	if err != nil {
		return err
	}
	report, err := doctor.Examine(ctx, examine)
	if err != nil {
		return err
	}
	summary := fmt.Sprintf("%s at %s", report.Summary(), examine.URL)
	if report.Count(doctor.Failed) > 0 {
		err = errors.New(summary)
	}
	if c.Bool("json") {
		return errors.Join(p.printJSON(report), err)
	}
	if err := report.WriteText(p.stdout); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "\n%s%s.\n", strings.ToUpper(summary[:1]), summary[1:])
	return err
}

// doctorConfig takes what to examine from the command line, and the rest from the settings if there are any. The
// doctor also runs without settings.
func (p *process) doctorConfig(ctx context.Context, c *cli.Command) (doctor.Config, error) {
	var out doctor.Config
	if c.Args().Len() != 1 {
		return out, usagef("gatepost doctor takes one argument, the URL of the site (example: gatepost doctor " +
			"https://app.example.com)")
	}
	u, err := url.Parse(c.Args().First())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !config.ValidPort(u) ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return out, usagef("gatepost doctor: %s is not the URL of a site like https://app.example.com, without a path",
			config.Quote(c.Args().First()))
	}
	out = doctor.Config{URL: &url.URL{Scheme: u.Scheme, Host: config.AsBrowsersSay(u)}, Protected: "/dashboard",
		Public: "/", Direct: c.StringSlice("direct"), OpenedBy: proxy.OpenedBy}
	if settings, err := config.Load(ctx, p.env); err == nil {
		fromSettings(&out, settings)
	}
	if c.IsSet("protected") {
		out.Protected = c.String("protected")
	}
	if c.IsSet("public") {
		out.Public = c.String("public")
	}
	if c.Bool("verbose") {
		out.Trace = func(sent, got string) { fmt.Fprintf(p.stderr, "%s: %s\n", sent, got) }
	}
	if err := checkDoctor(out); err != nil {
		return out, err
	}
	if file := c.String("ca"); file != "" {
		if out.RootCAs, err = readAuthorities(file); err != nil {
			return out, err
		}
	}
	return out, p.readAccount(c, &out)
}

func checkDoctor(c doctor.Config) error {
	for flag, path := range map[string]string{"protected": c.Protected, "public": c.Public} {
		if !config.CleanPath(path) {
			return usagef("gatepost doctor --%s: %s is not a plain path like /dashboard", flag, config.Quote(path))
		}
	}
	if c.Protected == "/" || c.Protected == c.Public {
		return usagef("gatepost doctor --protected: %s has no other spellings to try: name a page below it, other "+
			"than the public one", config.Quote(c.Protected))
	}
	for _, address := range c.Direct {
		if _, err := doctor.ParseAddress(address); err != nil {
			return usagef("gatepost doctor --direct: %s %w", config.Quote(address), err)
		}
	}
	return nil
}

// readAuthorities are the authorities of the system and those in a file.
func readAuthorities(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if err != nil {
		return nil, usagef("gatepost doctor --ca: cannot read %s: %w", config.Quote(file), err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // the system has none
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, usagef("gatepost doctor --ca: %s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
			config.Quote(file))
	}
	return pool, nil
}

// readAccount reads the test account. The password comes from stdin, as other users of the machine can see the
// command line.
func (p *process) readAccount(c *cli.Command, out *doctor.Config) error {
	if c.Bool("password-stdin") != (c.String("email") != "") {
		return usagef("gatepost doctor: --email and --password-stdin go together")
	}
	if c.String("email") == "" {
		return nil
	}
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the password: %w", err)
	}
	out.Email, out.Password = c.String("email"), strings.TrimRight(line, "\r\n")
	return nil
}

// fromSettings adds what a gate with these settings protects, and where its app is.
func fromSettings(out *doctor.Config, c *config.Config) {
	if path := pathOf(c, false); path != "" {
		out.Protected = path
	}
	if path := pathOf(c, true); path != "" && !c.Rules.For(http.MethodGet, "/").Public {
		out.Public = path
	}
	for _, d := range c.Rules.Describe() {
		if config.CleanPath(d.Path) {
			out.Named = append(out.Named, d.Path)
		}
	}
	if u, err := url.Parse(c.Settings.Upstream); err == nil && c.HasUpstream && u.Scheme != "unix" {
		port := u.Port()
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
		}
		out.Upstream, out.Addresses = net.JoinHostPort(u.Hostname(), port), ownAddresses()
	}
	if c.HasUpstream {
		out.AppPages = func(ctx context.Context) ([]string, error) { return appPages(ctx, c) }
		out.AppAPI = func(ctx context.Context) ([]string, error) { return appAPI(ctx, c) }
	}
	for _, cookie := range c.AppCookies {
		name, path := cookie.Example()
		out.AppCookies = append(out.AppCookies, doctor.AppCookie{Name: name, Path: path,
			Unseen: cookie.Unseen(c.Pages + "/logout")})
	}
	if _, port, err := net.SplitHostPort(c.Settings.OpsListen); err == nil {
		out.OpsPort = port
	}
}

// pathOf is the first path of a public rule that is public, or with public false the first of a protecting one that is
// not, for everybody who reads a page. The root is skipped, as it has no other spellings to try, and so are presets, as
// not every app has what they name.
func pathOf(c *config.Config, public bool) string {
	for _, d := range c.Rules.Describe() {
		if d.Public == public && d.Preset == "" && d.Path != "/" && config.CleanPath(d.Path) &&
			c.Rules.For(http.MethodGet, d.Path).Public == public {
			return d.Path
		}
	}
	return ""
}

// ownAddresses are the addresses of this machine that others can reach.
func ownAddresses() []string {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the other tests do not need them
	}
	var out []string
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}
