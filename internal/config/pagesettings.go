package config

// PageSettings are the settings of the gate's own pages, a part of Settings.
type PageSettings struct {
	// # Pages
	//
	// Prefix of the gate's own pages, like `/auth` for apps that have a `/login`.
	Pages string `env:"GATEPOST_PAGES, default=/"`
	// The page that a login leads to, if the visitor asked for no other.
	Home string `env:"GATEPOST_HOME, default=/"`
	// Where logout leads when its form or link names no page in `next`, like `/`: a page that is public. Default: the
	// login.
	LogoutHome string `env:"GATEPOST_LOGOUT_HOME"`
	// Paths of the app's own logout that log out here instead, like `/user/logout`: a link there leads to a page that
	// asks, and a form there logs out. The app does not see these requests.
	LogoutPaths string `env:"GATEPOST_LOGOUT_PATHS" list:"true"`
	// Exact paths to which another site sends a form when it is done, like `/saml/acs`: the answer of a company's login,
	// the return from a payment. Browsers send no cookie with it, so a page of the gate sends the same form once more.
	// Danger: **every** site can send a form there as the visitor. The app itself has to check what comes, by a signature
	// for example.
	CrossSitePost string `env:"GATEPOST_CROSS_SITE_POST" list:"true"`
	// The name on the pages and in mail. Default: host of the public URL; in mail without its port, and where it is this
	// machine or an IP address, which say nothing to readers, the name in `GATEPOST_MAIL_FROM`, else "our site".
	AppName string `env:"GATEPOST_APP_NAME"`
	// Picture beside the name: an `https://` address, or a file (PNG, JPEG, GIF, WebP or SVG, at most 256 KiB). Default:
	// the picture of a gate.
	Logo string `env:"GATEPOST_LOGO"`
	// Colour of buttons and links, like `#1f5fbf`; refused when it cannot be read on a light page, and made lighter for
	// the dark one. Default: `#1f5fbf`.
	Accent string `env:"GATEPOST_ACCENT"`
	// Page with your terms, to link to.
	TermsURL string `env:"GATEPOST_TERMS_URL"`
	// Page about privacy, to link to.
	PrivacyURL string `env:"GATEPOST_PRIVACY_URL"`
	// A file of CSS that the gate appends to its own, at most 64 KiB.
	Stylesheet string `env:"GATEPOST_STYLESHEET"`
	// Languages of the pages, like `en, es`; visitors who want none of these get the first. Default: all there are.
	Languages string `env:"GATEPOST_LANGUAGES" list:"true"`
	// Directory with `templates` and `messages` that replace those of the gate, see [pages.md](pages.md).
	Overrides string `env:"GATEPOST_OVERRIDES"`
}
