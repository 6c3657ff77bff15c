package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/password"
)

// Clerk reads the CSV file that Clerk's dashboard exports, and, as that lacks them, what its API says of times, bans,
// pictures, roles and accounts at providers.
type Clerk struct {
	File string
	// API is a file with the users as GET /v1/users returns them, as lines or arrays. Empty: there is none.
	API string
	// Issuers are as in Database.
	Issuers map[string]string
}

// Name implements Source.
func (Clerk) Name() string { return "clerk" }

// Ordered implements Source.
func (Clerk) Ordered() bool { return false }

// clerkUser is what of a user of the API is used. Times are in milliseconds.
type clerkUser struct {
	ID       string `json:"id"`
	Created  int64  `json:"created_at"`
	Banned   bool   `json:"banned"`
	Image    string `json:"image_url"`
	Factor   bool   `json:"two_factor_enabled"`
	Metadata struct {
		Role  any `json:"role"`
		Roles any `json:"roles"`
	} `json:"public_metadata"`
	Accounts []struct {
		Provider string `json:"provider"`
		Subject  string `json:"provider_user_id"`
	} `json:"external_accounts"`
}

// People implements Source.
func (c Clerk) People(ctx context.Context, f Taker) error {
	return readNamed(ctx, c.Issuers, c.read, f)
}

func (c Clerk) read(ctx context.Context, f Taker) error {
	var api *index
	if c.API != "" {
		var err error
		api, err = newIndex(c.API, func(raw json.RawMessage) (string, error) {
			var u struct {
				ID string `json:"id"`
			}
			_ = json.Unmarshal(raw, &u) // what else cannot be read is told with the person
			return u.ID, onceEach(raw, reflect.TypeOf(u))
		})
		if err != nil {
			return err
		}
		defer api.close()
	}
	g := newGather(ctx, f, c.File)
	need := []string{"id", "primary_email_address", "password_digest", "password_hasher"}
	err := rows(c.File, need, nil, func(r row) error {
		p := c.person(r)
		if err := c.join(&p, api); err != nil {
			return err
		}
		return g.add(p, r.offset)
	})
	if err != nil {
		return err
	}
	return g.end()
}

func (c Clerk) person(r row) Person {
	v := r.values
	p := Person{Where: r.where, Err: r.err, ID: v["id"], Email: v["primary_email_address"],
		Name: strings.TrimSpace(v["first_name"] + " " + v["last_name"]), Username: v["username"],
		SecondFactor: v["totp_secret"] != ""}
	p.Verified = p.Email != "" && slices.Contains(strings.FieldsFunc(v["verified_email_addresses"], func(r rune) bool {
		return r == ',' || r == '|' || r == ' '
	}), p.Email)
	if digest := v["password_digest"]; digest != "" {
		p.Password, p.Unknown = password.Clerk(v["password_hasher"], digest)
	}
	return p
}

// join adds what the API says.
func (c Clerk) join(p *Person, api *index) error {
	var u clerkUser
	found, fault, err := api.read(p.ID, &u)
	switch {
	case err != nil:
		return fmt.Errorf("%s: the user %s: %w", c.API, p.ID, err)
	case fault != nil:
		p.fail(fmt.Errorf("what the file of the API has of them %w", fault))
		return nil
	case !found && api != nil:
		p.Notes = append(p.Notes, "is not in the file of the API: accounts at providers, ban and times are unknown")
	}
	if !found {
		return nil
	}
	if u.Created != 0 {
		p.Created = time.UnixMilli(u.Created)
	}
	p.Disabled, p.Image = u.Banned, u.Image
	p.SecondFactor = p.SecondFactor || u.Factor
	p.takeRoles(u.Metadata.Roles, u.Metadata.Role)
	for _, a := range u.Accounts {
		Database{Issuers: c.Issuers}.link(p, strings.TrimPrefix(a.Provider, "oauth_"), a.Subject, "", time.Time{})
	}
	return nil
}
