package main

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

func (c *comparison) openOAuth2Proxy(ctx context.Context, _ string) error {
	program, version, err := c.built(ctx, "oauth2-proxy", "github.com/oauth2-proxy/oauth2-proxy/v7")
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	password := rand.Text()
	hash := sha1.Sum([]byte(password)) // of 130 random bits, which nobody guesses
	line := "bench:{SHA}" + base64.StdEncoding.EncodeToString(hash[:]) + "\n"
	passwords := filepath.Join(c.dir, "htpasswd")
	if err := os.WriteFile(passwords, []byte(line), 0o600); err != nil {
		return fmt.Errorf("write the file of passwords: %w", err)
	}
	path, err := c.config("oauth2-proxy.cfg", listenHere, address, appHere, c.upstream, "/tmp/htpasswd", passwords,
		"SECRET", (rand.Text() + rand.Text())[:32])
	if err != nil {
		return err
	}
	proxy, err := c.front(ctx, address, program, "--config", path)
	if err != nil {
		return err
	}
	cookie, err := signIn(ctx, "http://"+address+"/oauth2/sign_in", "application/x-www-form-urlencoded",
		url.Values{"username": {"bench"}, "password": {password}, "rd": {"/"}}.Encode())
	if err != nil {
		return err
	}
	c.add("oauth2-proxy "+version, checksCookie, address, cookie, proxy.pid())
	return nil
}

// signIn posts what signs in, and returns the cookies that the answer sets, as a browser sends them.
func signIn(ctx context.Context, to, contentType, body string) (cookies string, err error) {
	ctx, cancel := context.WithTimeout(ctx, formPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	r.Header.Set("Content-Type", contentType)
	res, err := http.DefaultTransport.RoundTrip(r) // a client would follow the redirect
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	defer res.Body.Close()
	var list []string
	for _, cookie := range res.Cookies() {
		if cookie.MaxAge >= 0 {
			list = append(list, cookie.Name+"="+cookie.Value)
		}
	}
	if len(list) == 0 {
		return "", errors.New("sign in: the answer sets no cookie: " + res.Status)
	}
	return strings.Join(list, "; "), nil
}
