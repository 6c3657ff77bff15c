// Package e2e tests the gateway as users meet it: the real binary, its own PostgreSQL, and a real Chromium.
//
// It is a module of its own, so that building the gateway never downloads a browser driver. Run it with
//
//	make e2e
//
// It needs Go, a PostgreSQL that `gatepost demo` finds, and Chromium or Chrome on PATH. The tests that judge
// the pages also need Node with the packages in package-lock.json, and those that sign in with a provider Node 22,
// which npm installs on Linux if the system's is older. So do those in which people move in from other
// systems, whose packages stand in movein, and those of known apps, whose packages stand in apps. The tests of
// the examples need what each example runs on (Next.js: Node 20.9). If something is missing, the tests that need
// it are skipped; if CI is set, they fail. E2E_SCREENSHOTS=<directory> also saves the pictures for docs/pages.md.
package e2e
