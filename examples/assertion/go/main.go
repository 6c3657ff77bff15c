// An app behind Gatepost that verifies who is signed in, with golang-jwt and keyfunc.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var (
	issuer   = cmp.Or(os.Getenv("ISSUER"), "http://localhost:8080") // GATEPOST_PUBLIC_URL
	audience = cmp.Or(os.Getenv("AUDIENCE"), issuer)                // GATEPOST_ASSERTION_AUDIENCE
	// Where the keys are is a setting of yours. Never take it from a token.
	keySet = cmp.Or(os.Getenv("KEYS"), issuer+"/.gatepost/jwks.json")
)

// user is what the gate says.
type user struct {
	Email string   `json:"email"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	jwt.RegisteredClaims
}

// who returns what the gate says about the user. It fails if no gate says so.
func who(assertion string, keys keyfunc.Keyfunc) (u user, err error) {
	token, err := jwt.ParseWithClaims(assertion, &u, keys.Keyfunc, jwt.WithValidMethods([]string{"ES256"}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithLeeway(30*time.Second), jwt.WithExpirationRequired())
	if err == nil && token.Header["typ"] != "gatepost+jwt" {
		err = errors.New("it is a token of another type")
	}
	return u, err
}

func main() {
	// They are fetched every five minutes: a revoked key is forgotten after that.
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{keySet},
		keyfunc.Override{RefreshInterval: 5 * time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		u, err := who(r.Header.Get("X-Auth-Assertion"), keys)
		if err != nil {
			log.Print(err)
			http.Error(w, "Nobody has vouched for you.", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "Hello, %s. Your roles: %s\n", cmp.Or(u.Name, u.Email), strings.Join(u.Roles, ", "))
	})
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("HOST"), "127.0.0.1")+":"+cmp.Or(os.Getenv("PORT"), "3000"), nil))
}
