// Package e2e walks through the gateway as people meet it: the real binary, its own PostgreSQL, a real Chromium.
//
// It is a module of its own, so that whoever builds the gateway never downloads a browser driver. Run it with
//
//	cd e2e && go test ./...
//
// It needs Go, a PostgreSQL that `gatepost demo` finds, and Chromium or Chrome on PATH. Without a browser the tests are
// skipped, except where CI is set: there they fail. E2E_SCREENSHOTS=<directory> also saves pictures of every page.
package e2e
