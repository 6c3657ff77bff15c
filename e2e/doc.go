// Package e2e walks through the gateway as people meet it: the real binary, its own PostgreSQL, a real Chromium.
//
// It is a module of its own, so that whoever builds the gateway never downloads a browser driver. Run it with
//
//	make e2e
//
// It needs Go, a PostgreSQL that `gatepost demo` finds, Chromium or Chrome on PATH, for the tests that judge the pages Node with
// what package-lock.json names, and for those of the examples what each of them runs on (Next.js: Node 20.9). Where something
// is missing the tests that need it are skipped, except where CI is set: there they fail. E2E_SCREENSHOTS=<directory> also saves the pictures for docs/pages.md.
package e2e
