package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/internal/config"
)

// importSource is a system that people are brought over from. Its read makes the source as the words of a command say.
type importSource struct {
	name, usage, args string
	flags             []cli.Flag
	read              func(context.Context, *cli.Command) (importer.Source, error)
}

func (p *process) importSources() []importSource {
	return []importSource{
		{"better-auth", "from the database of Better Auth", "", append(databaseFlags(), &cli.StringFlag{
			Name: secretFlag, Usage: "`FILE` with Better Auth's secret, for the second factors, which it encrypts"},
			&cli.StringFlag{Name: domainFlag, Usage: "`DOMAIN` that the passkeys were made for, Better Auth's rpID " +
				"(default: the host of GATEPOST_PUBLIC_URL)"}),
			p.fromBetterAuth},
		{"authjs", "from the database of Auth.js (NextAuth)", "", databaseFlags(),
			p.fromDatabase(func(d importer.Database) importer.Source { return importer.AuthJS{Database: d} })},
		{"supabase", "from the database of Supabase", "", databaseFlags(),
			p.fromDatabase(func(d importer.Database) importer.Source { return importer.Supabase{Database: d} })},
		{"clerk", "from the file that Clerk's dashboard exports", "FILE.csv", []cli.Flag{
			&cli.StringFlag{Name: "api",
				Usage: "`FILE` with the users as Clerk's API returns them, for what the export lacks"},
			&cli.BoolFlag{Name: "without-api", Usage: "bring over users of whom no file of the API says anything, also those " +
				"who are banned or have a second factor by SMS there"}},
			fromFile(func(c *cli.Command, file string, issuers map[string]string) importer.Source {
				return importer.Clerk{File: file, API: c.String("api"), WithoutAPI: c.Bool("without-api"), Issuers: issuers}
			})},
		{"auth0", "from the lines of JSON that Auth0 exports", "FILE.ndjson", []cli.Flag{&cli.StringFlag{Name: "hashes",
			Usage: "`FILE` with the hashes, which Auth0's support hands out"}},
			fromFile(func(c *cli.Command, file string, issuers map[string]string) importer.Source {
				return importer.Auth0{File: file, Hashes: c.String("hashes"), Issuers: issuers}
			})},
		{"csv", "from a CSV file of any other system", "FILE", nameFlag(),
			fromFile(func(c *cli.Command, file string, issuers map[string]string) importer.Source {
				return importer.CSV{File: file, Issuers: issuers, From: c.String("name")}
			})},
		{"json", "from lines of JSON, as gatepost export writes them", "FILE", nameFlag(),
			fromFile(func(c *cli.Command, file string, issuers map[string]string) importer.Source {
				return importer.JSON{File: file, Issuers: issuers, From: c.String("name")}
			})},
	}
}

// fromName is the environment variable with the address of a source, which has a password in it.
const fromName = "GATEPOST_IMPORT_FROM"

func databaseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "`URL` of the source's PostgreSQL, which is only read; better in the " +
			"environment variable " + fromName},
		&cli.StringFlag{Name: "schema", Usage: "`SCHEMA` of its tables (default: found by itself)"},
		&cli.StringSliceFlag{Name: "table", Usage: "`USUAL=NAME`: a table that has another name there"},
		&cli.StringSliceFlag{Name: "column", Usage: "`TABLE.USUAL=NAME`: a column that has another name there"},
	}
}

func nameFlag() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "name",
		Usage: "`NAME` of the system, if there are several: ids are remembered by it"}}
}

func (p *process) fromDatabase(source func(importer.Database) importer.Source) func(context.Context, *cli.Command) (
	importer.Source, error) {
	return func(ctx context.Context, c *cli.Command) (importer.Source, error) {
		d, err := p.databaseOf(ctx, c)
		return source(d), err
	}
}

// domainFlag names the domain of the passkeys of a source that does not keep it.
const domainFlag = "passkey-domain"

// secretFlag names the file with the secret of a source.
const secretFlag = "source-secret-file"

func (p *process) fromBetterAuth(ctx context.Context, c *cli.Command) (importer.Source, error) {
	d, err := p.databaseOf(ctx, c)
	if err != nil {
		return nil, err
	}
	b := importer.BetterAuth{Database: d, PasskeyDomain: strings.ToLower(c.String(domainFlag))}
	b.Secrets, err = betterAuthSecrets(c, secretFlag)
	return b, err
}

// betterAuthSecrets reads the file that a flag names; no flag: there is none.
func betterAuthSecrets(c *cli.Command, flag string) ([]string, error) {
	name := c.String(flag)
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, usagef("%s --%s: cannot read %s: %w", c.FullName(), flag, config.Quote(name), errors.Unwrap(err))
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, secretMost+1))
	var secrets []string
	if err == nil && len(text) > secretMost {
		err = errors.New("it is too long for a secret")
	}
	if err == nil {
		secrets, err = importer.ReadBetterAuthSecrets(string(text))
	}
	if err != nil {
		return nil, usagef("%s --%s: %s has no secret of Better Auth: %w", c.FullName(), flag, config.Quote(name), err)
	}
	return secrets, nil
}

// secretMost bounds a file of secrets, in bytes.
const secretMost = 16 << 10

// databaseOf reads the flags of a source that is a database.
func (p *process) databaseOf(ctx context.Context, c *cli.Command) (d importer.Database, err error) {
	if c.Args().Len() > 0 {
		return d, usagef("%s takes no argument: say --from postgres://…", c.FullName())
	}
	d = importer.Database{URL: c.String("from"), Schema: c.String("schema")}
	if d.URL == "" {
		settings, faults := config.Read(ctx, p.env)
		if err := faults.OrNil(); err != nil {
			return d, err
		}
		d.URL = settings.ImportFrom
	}
	if d.URL == "" {
		return d, usagef("%s needs the address of the source: say --from postgres://…, or set %s", c.FullName(), fromName)
	}
	var err1, err2, err3 error
	d.Tables, err1 = pairs(c, "table")
	d.Columns, err2 = pairs(c, "column")
	d.Issuers, err3 = pairs(c, "issuer")
	return d, errors.Join(err1, err2, err3)
}

func fromFile(source func(c *cli.Command, file string, issuers map[string]string) importer.Source) func(context.Context,
	*cli.Command) (importer.Source, error) {
	return func(_ context.Context, c *cli.Command) (importer.Source, error) {
		if c.Args().Len() != 1 {
			return nil, usagef("%s takes one argument, a file (example: %[1]s users.%s)", c.FullName(), exampleEnd(c.Name))
		}
		issuers, err := pairs(c, "issuer")
		return source(c, c.Args().First(), issuers), err
	}
}

// exampleEnd is how the name of a file ends that a source may have written.
func exampleEnd(source string) string {
	switch source {
	case "clerk":
		return "csv"
	case "auth0":
		return "ndjson"
	}
	return source
}

// pairs reads a flag that may be given several times, each time as NAME=VALUE.
func pairs(c *cli.Command, flag string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range c.StringSlice(flag) {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return nil, usagef("--%s takes NAME=VALUE, not %s (example: --%[1]s %[3]s)", flag, config.Quote(s),
				map[string]string{"table": "user=accounts", "column": "user.email=mail",
					"issuer": "corp=https://login.example.com"}[flag])
		}
		m[name] = value
	}
	return m, nil
}
