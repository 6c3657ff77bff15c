package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	// WithoutAPI brings over people of whom the API's file says nothing, or there is none: who of them is banned, or has
	// a second factor by SMS, is unknown, and they come by their password alone. Otherwise People fails without that
	// file, and new people who are not in it stay where they are.
	WithoutAPI bool
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

// errNoAPI is about an import from Clerk's export alone.
var errNoAPI = errors.New("the export of Clerk does not say who is banned, or has a second factor by SMS: say --api " +
	"FILE with what its API returns, or --without-api, which brings them over as if nobody was")

// clerkSays are the columns of the export, and the fields of the API, that say what a person has.
var clerkSays = map[string][]string{verifiedField: {"verified_email_addresses"}, nameField: {"first_name", "last_name"},
	imageField: {"image_url"}, usernameField: {"username"}, rolesField: {"public_metadata"}, disabledField: {"banned"},
	accountsField: {"external_accounts"}, factorField: {"two_factor_enabled"}}

func (c Clerk) read(ctx context.Context, f Taker) error {
	var api *index
	var apiHas map[string]bool
	switch {
	case c.API != "":
		var err error
		if api, err = newIndex(c.API, clerkID); err != nil {
			return err
		}
		defer api.close()
		if apiHas, err = fieldsIn(c.API, slices.Concat(slices.Collect(maps.Values(clerkSays))...)...); err != nil {
			return err
		}
	case !c.WithoutAPI:
		return errNoAPI
	}
	g := newGather(ctx, f, c.File)
	need := []string{"id", "primary_email_address", "password_digest", "password_hasher"}
	err := rows(c.File, need, nil, func(r row) error {
		p := c.person(r)
		found, err := c.join(&p, api)
		if err != nil {
			return err
		}
		p.unsaid = unsaidBy(clerkSays, func(name string) bool {
			_, column := r.values[name]
			return column || found && apiHas[name]
		})
		return g.add(p, r.offset)
	})
	if err != nil {
		return err
	}
	return g.end()
}

// clerkID is the id of the user whom an object of the API is.
func clerkID(raw json.RawMessage) (string, error) {
	var u struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &u) // what else cannot be read is told with the person
	return u.ID, onceEach(raw, reflect.TypeOf(u))
}

// remarks implements remarker.
func (c Clerk) remarks() []Line {
	if c.API != "" || !c.WithoutAPI {
		return nil
	}
	return []Line{{Result: resultNoted, Where: c.File, Reason: "without a file of the API nobody knows who is banned, " +
		"or has a second factor by SMS: who is new comes by their password alone, also who was left out for it before"}}
}

func (c Clerk) person(r row) Person {
	v := r.values
	p := Person{Where: r.where, Err: r.err, ID: v["id"], Email: v["primary_email_address"],
		Name: strings.TrimSpace(v["first_name"] + " " + v["last_name"]), Username: v["username"]}
	if v["totp_secret"] != "" {
		p.takeKey(v["totp_secret"])
	}
	p.Verified = p.Email != "" && slices.Contains(strings.FieldsFunc(v["verified_email_addresses"], func(r rune) bool {
		return r == ',' || r == '|' || r == ' '
	}), p.Email)
	if digest := v["password_digest"]; digest != "" {
		p.Password, p.Unknown = password.Clerk(v["password_hasher"], digest)
	}
	return p
}

// errNotInAPI is why somebody is not brought over who is not in the file of the API.
var errNotInAPI = errors.New("is not in the file of the API, so whether they are banned or have a second factor is " +
	"unknown: fetch all of its pages (--without-api brings them as if nobody was)")

// join adds what the API says, and returns whether it says anything.
func (c Clerk) join(p *Person, api *index) (found bool, err error) {
	var u clerkUser
	found, fault, err := api.read(p.ID, &u)
	switch {
	case err != nil:
		return false, fmt.Errorf("%s: the user %s: %w", c.API, p.ID, err)
	case fault != nil:
		p.fail(fmt.Errorf("what the file of the API has of them %w", fault))
		return false, nil
	case !found && api != nil:
		p.lacks = "is not in the file of the API: accounts at providers, roles, ban, second factor and times are unknown"
		if !c.WithoutAPI {
			p.errNew = errNotInAPI
		}
	}
	if !found {
		return false, nil
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
	return true, nil
}
