package config

// Settings is the environment as the operator wrote it, defaults filled in. Strings only: config validates them, so
// that every fault is reported at once, names its variable and never quotes a secret.
//
// The comments are docs/settings.md, which a test makes of them.
type Settings struct {
	// # The app and who may reach it
	//
	// The address of your app: `http://host`, `https://host`, `h2c://host` (HTTP/2 without TLS) or `unix:///path`, with
	// a port where it is not the usual one and without a path. Default: none, and needed, unless
	// `GATEPOST_FORWARD_AUTH_LISTEN` is set: then visitors get the gate's own pages, and 404 for everything else.
	Upstream string `env:"GATEPOST_UPSTREAM"`
	// How long the gate waits for the first byte of the app's answer. After that time the visitor gets 504. Once the
	// answer has begun, it may take any time.
	UpstreamTimeout string `env:"GATEPOST_UPSTREAM_TIMEOUT, default=60s"`
	// A connection to the app that is older than this gets no further request; at least `1s`, `off` for no limit. Requests
	// and WebSockets under way go on. Each new connection asks the DNS, so the gate follows a change there within this
	// time. The names of cloud balancers are usually valid for a minute.
	UpstreamConnAge string `env:"GATEPOST_UPSTREAM_CONN_AGE, default=60s"`
	// For an app at `https://` whose certificate is self-signed or from an authority of your own: the certificate of that
	// authority, or several, in PEM. The gate then trusts these only. Default: the authorities that the system trusts.
	UpstreamCA string `env:"GATEPOST_UPSTREAM_CA" secret:"true"`
	// The name that the certificate of an app at `https://` has to be for, where that is not the host of
	// `GATEPOST_UPSTREAM`. Danger: whoever has a certificate for it can pass for the app. Default: that host.
	UpstreamServerName string `env:"GATEPOST_UPSTREAM_SERVER_NAME"`
	// The gate's own certificate and its chain, in PEM, for an app at `https://` that asks for one; needs
	// `GATEPOST_UPSTREAM_KEY`. The gate reads certificates and keys for the app at start only.
	UpstreamCert string `env:"GATEPOST_UPSTREAM_CERT" secret:"true"`
	// The key of that certificate, in PEM and not encrypted.
	UpstreamKey string `env:"GATEPOST_UPSTREAM_KEY" secret:"true"`
	// Rules for paths that need a signed-in user, like `/dashboard, POST /api, /admin=admin|owner`: prefixes by whole
	// segments, with methods before them and roles after them if you like. A segment may be `*` (any one, `/*/settings`),
	// or begin or end with one (`/*/*.git`, `/admin*`). The longest prefix decides. Rules with `*` are compared first,
	// segment by segment from the left: a whole name counts before a part of one, and a part before `*`. A path that no
	// rule names is public. Methods are those of IANA's registry. The gate refuses a rule that cannot protect what it
	// says. Conditions have a `+` before each, as in `/admin=admin+aal2, /billing=+fresh=10m`: `aal2` asks for a second
	// factor in the session, and `fresh` asks that the user has proved who they are within that time (at least 1m). See
	// [rules.md](rules.md#conditions).
	Protect string `env:"GATEPOST_PROTECT, default=/" list:"true"`
	// Exceptions from `GATEPOST_PROTECT`, in the same form without roles and conditions. Each opens only what it names, in
	// its own spelling: `/members.css` opens neither `/members.html` nor `/Members.css`, and a `*` stands for one plain
	// name. `@assets` opens, for `GET` and `HEAD`, what browsers fetch without cookies: `/manifest.json`,
	// `/*.webmanifest`, icons (`/favicon.ico`, `/favicon.svg`, `/favicon.png`, `/favicon-*`, `/apple-touch-icon*`,
	// `/android-chrome-*`, `/mstile-*`, `/safari-pinned-tab.svg`, `/browserconfig.xml`), `/robots.txt` and
	// `/.well-known/*`. Of `/.well-known/` it does not open the gate's own `change-password`, nor `webfinger`,
	// `appspecific`, `mercure`, `jmap`, `masque`, `ohttp-gateway`, `est`, `cmp`, `brski`, `stun-key`, `core` and `wot`. A
	// file is opened by itself, and no path below it.
	Public string `env:"GATEPOST_PUBLIC" list:"true"`
	// Where the gate takes API tokens, which users make on their account page and you with `gatepost token`: rules like
	// `/api, GET|POST /git`, in the form of `GATEPOST_PUBLIC`. A path takes tokens if every way in which a server may read
	// it lies below one of these rules. On any other path, and if the token is wrong, the answer is 401. See
	// [tokens.md](tokens.md). Default: nowhere.
	Tokens string `env:"GATEPOST_TOKENS" list:"true"`
	// Let users make API tokens that never expire. If you set this back to `false`, such tokens are refused.
	TokensForever string `env:"GATEPOST_TOKENS_FOREVER, default=false"`
	// Let an API token meet the condition `aal2` if it was made in a session with a fresh second factor. No token meets
	// `fresh`. Danger: whoever finds such a token needs no second factor. Default: a token is one factor.
	TokensAAL2 string `env:"GATEPOST_TOKENS_AAL2, default=false"`
	// Pages of other origins that may read what the app answers below a prefix, like
	// `/api=https://a.example.com|https://b.example.com, /feed=https://c.example.org`: the gate answers their preflights,
	// also for signed-out visitors, and sets the CORS headers in place of the app. A page of the same site may send the
	// cookie; any other page needs a token. Danger: such a page can do below the prefix what the visitor can. The setting
	// has no effect on what a proxy forwards by itself (`GATEPOST_FORWARD_AUTH_LISTEN`). See [cors.md](cors.md). Default:
	// none.
	CORS string `env:"GATEPOST_CORS" list:"true"`
	// Who has a second factor: an authenticator app or a passkey. `optional`: users choose. `required`: nobody can open a
	// protected path without one, and the gate leads users through adding it. `off`: nobody can add an app or a passkey;
	// whoever has one is still asked for it at login, and can log in by their passkey. Without `GATEPOST_ENCRYPTION_KEY`
	// no authenticator app can be added; passkeys need none.
	SecondFactor string `env:"GATEPOST_SECOND_FACTOR, default=optional"`
	// Roles of those who have to have a second factor where it is `optional`, like `admin|owner`. Danger: this holds for
	// protected paths only. On a public path the app sees these users as signed in even without a second factor. Default:
	// nobody has to.
	SecondFactorRoles string `env:"GATEPOST_SECOND_FACTOR_ROLES"`
	// Closes the site for maintenance: each request that the app would get is answered with 503 and a page that says so,
	// or JSON with the code `MAINTENANCE`. `true` closes it while the gate runs. An absolute path closes the site while
	// there is such a file; the gate notices it within a second. The page shows the first 1 KiB of the file, as plain text
	// that anybody can read. The gate's own pages go on, so that people can log in. See
	// [operate.md](operate.md#close-the-site-for-maintenance). Default: open.
	Maintenance string `env:"GATEPOST_MAINTENANCE"`
	// Roles of those who get to the app while it is closed, like `admin, tester`, to try it before it is opened again.
	// Default: nobody gets there.
	MaintenanceRoles string `env:"GATEPOST_MAINTENANCE_ROLES" list:"true"`

	// Cookies in which the app keeps a session of its own, like `PHPSESSID, DokuWiki*@/wiki`: a name, with `*` at its end
	// for all names that begin so. After `@` stands the path for which the app sets the cookie, if that is not `/`. The
	// gate deletes them at each logout, and at each login that does not continue the same user's session, for this host
	// and the domains above it. With `*` it deletes only cookies that the browser sends to the gate's pages. Without this
	// setting the app may take the next person in a browser for the one before.
	AppCookies string `env:"GATEPOST_APP_COOKIES" list:"true"`

	// # PostgreSQL
	//
	// PostgreSQL 14 to 18, as `postgres://user:password@host/database` or a DSN; of several hosts the primary is used.
	// Parameters of Prisma, node-postgres and others are taken with their meaning, or refused by name, see
	// [deploy.md](deploy.md#addresses-of-other-programs). Default: the built-in PostgreSQL, for trying and for one
	// machine.
	DatabaseURL string `env:"DATABASE_URL" secret:"true"`
	// A connection past the pooler, if `DATABASE_URL` is a pooler in transaction mode. The gate migrates over it, and is
	// notified over it when a session is revoked (`LISTEN`). Default: `DATABASE_URL`.
	DirectDatabaseURL string `env:"GATEPOST_DIRECT_DATABASE_URL" secret:"true"`
	// Bring the database up to date at start; `false` leaves it to `gatepost migrate`.
	Migrate string `env:"GATEPOST_MIGRATE, default=true"`
	// Where the built-in PostgreSQL keeps its files. Default: the folder that systemd names
	// (`StateDirectory=`), else the user's data directory, as root `/var/lib/gatepost`.
	DataDir string `env:"GATEPOST_DATA_DIR"`
	// Folder with the programs `postgres` and `initdb` of the built-in PostgreSQL. Default: searched for.
	PostgresBin string `env:"GATEPOST_POSTGRES_BIN"`

	// Keys with which the gate encrypts what it has to read again, each 32 random bytes in base64 as `gatepost key new`
	// prints them, separated by commas: the first key encrypts, all keys decrypt. What a lost key encrypted is lost. A
	// gate that lacks a key in use does not start; `gatepost key rotate` changes keys, see
	// [operate.md](operate.md#change-the-encryption-key). Default: none, and what needs a key is not offered; with the
	// built-in PostgreSQL one is made, in `encryption.key` of its folder.
	EncryptionKey string `env:"GATEPOST_ENCRYPTION_KEY" secret:"true"`

	// # Visitors
	//
	// Where visitors connect, as `host:port`. Default: `localhost:8080`, or `:$PORT` where a platform sets that.
	Listen string `env:"GATEPOST_LISTEN"`
	// The address people type, like `https://app.example.com`. It decides about cookies, links in mail and which sites
	// may send forms; needed when others than this machine can connect. Default: `http://localhost` and the port.
	PublicURL string `env:"GATEPOST_PUBLIC_URL"`
	// Other addresses of the site, like `https://www.example.com, http://10.0.0.5:8080`. A browser that opens a page there
	// is sent to the public URL (303), where people are signed in. Requests of scripts and programs, and WebSockets, are
	// served at these addresses. An `http://` alias of an `https://` site only redirects: anybody on the network could
	// change its pages.
	PublicURLAliases string `env:"GATEPOST_PUBLIC_URL_ALIASES" list:"true"`
	// Accept a public URL with `http://` for a host that is not loopback: passwords travel unencrypted, and any other
	// site below the same domain can sign a visitor in as somebody else.
	AllowHTTP string `env:"GATEPOST_ALLOW_HTTP, default=false"`
	// Networks of proxies in front, like `10.0.0.0/8, 192.0.2.1`, whose `X-Forwarded-For` is believed, read from the
	// right. Without it all visitors behind a proxy count as one. Danger: a client in a network that you list by mistake
	// can claim any address.
	TrustedProxies string `env:"GATEPOST_TRUSTED_PROXIES" list:"true"`
	// Headers of these proxies that the app gets, because they say under which address visitors see it:
	// `X-Forwarded-Prefix` (a path that the proxy cuts off), `X-Forwarded-Port`, or both. Without this setting the app
	// gets neither. The proxy has to set each header that you list: most proxies pass on what a visitor sent, and apps
	// make links of it.
	ForwardedHeaders string `env:"GATEPOST_FORWARDED_HEADERS" list:"true"`
	// How many connections visitors may have at once, 1 to 1000000, and not more than half the files that the process may
	// open (`ulimit -n`). A connection of HTTP/2 counts once for each request under way. When there are too many, the
	// network that has most of them loses one.
	MaxConnections string `env:"GATEPOST_MAX_CONNECTIONS, default=16384"`
	// How long a visitor's connection may be idle before it is closed, at least `1s`. It has to be longer than a balancer
	// in front keeps its connections; otherwise the balancer uses closed connections, and requests fail. Google's
	// balancers keep connections for 600 s, those of AWS for 60 s. Idle connections are the first to be closed when there
	// are too many.
	ListenIdle string `env:"GATEPOST_LISTEN_IDLE, default=620s"`
	// Let a balancer that ends TLS speak HTTP/2 to `GATEPOST_LISTEN` without TLS (h2c, with prior knowledge), as gRPC
	// needs it; HTTP/1.1 goes on beside it. Only proxies in `GATEPOST_TRUSTED_PROXIES` may, and without that setting only
	// this machine. Nothing is encrypted between the balancer and the gate.
	ListenH2C string `env:"GATEPOST_LISTEN_H2C, default=false"`

	// # Behind a proxy of your own
	//
	// Where a proxy of yours asks whether a request may pass, as `host:port` or `unix:/path`, at `/authz/nginx`,
	// `/authz/traefik`, `/authz/caddy`, `/authz/envoy` or `/authz/haproxy`; see [forward-auth.md](forward-auth.md). Let
	// only that proxy reach it: whoever can ask there can claim any request and any client address. Default: off.
	ForwardAuthListen string `env:"GATEPOST_FORWARD_AUTH_LISTEN"`
	// Networks of the proxies that may ask there, like `10.0.0.5`; everybody else gets 403. Default: this machine, if
	// `GATEPOST_FORWARD_AUTH_LISTEN` is a loopback address or a socket; else none, and needed.
	ForwardAuthPeers string `env:"GATEPOST_FORWARD_AUTH_PEERS" list:"true"`

	// # TLS
	//
	// File with the certificate and its chain, in PEM; read again when it changes. With it the gate ends TLS itself.
	TLSCert string `env:"GATEPOST_TLS_CERT"`
	// File with its key, in PEM.
	TLSKey string `env:"GATEPOST_TLS_KEY"`
	// Names to get certificates for by ACME, like `app.example.com, www.example.com`. You accept the terms of the
	// authority. They are kept in PostgreSQL with their keys and shared by all gates.
	ACMEDomains string `env:"GATEPOST_ACME_DOMAINS" list:"true"`
	// Address that the authority may write to.
	ACMEEmail string `env:"GATEPOST_ACME_EMAIL"`
	// The authority: the address of its directory.
	ACMEDirectory string `env:"GATEPOST_ACME_DIRECTORY, default=https://acme-v02.api.letsencrypt.org/directory"`
	// A port for plain http, like `:80`. Requests for pages and data are sent to https (308). A request that may change
	// something, or has a password, a token or a cookie in it, is refused (426). ACME uses this port, too.
	HTTPListen string `env:"GATEPOST_HTTP_LISTEN"`
	// With TLS of its own, for how long browsers come by https only (`Strict-Transport-Security`); `off` for not at
	// all.
	HSTS string `env:"GATEPOST_HSTS, default=8760h"`

	// # What the app is told
	//
	// Headers that the app gets for a signed-in user, as header = attribute. The attributes are id, email, email_verified,
	// name, username, roles, level (`2` if the user has shown a second factor in the session, else `1`) and auth_time
	// (when the user last proved who they are, in seconds since 1970). `X-WEBAUTH-FULLNAME=name:utf8` writes one in
	// another format than `percent`: `utf8`, `rfc2047`, `ascii` or `base64`; roles also with `space`, `semicolon` or
	// `pipe` between two. `X-From={name:ascii} <{email}>` is a text with attributes in it. It may have one of id, email
	// and username, with one of `<>()[]` between that one and any other. The gate removes these headers, in any spelling,
	// from client requests. A header with the username in it is left out for users who have none.
	IdentityHeaders string `env:"GATEPOST_IDENTITY_HEADERS, default=X-Auth-User=id, X-Auth-Email=email, X-Auth-Email-Verified=email_verified, X-Auth-Name=name, X-Auth-Roles=roles" list:"true"`
	// More header names that the gate removes from every client request. With `GATEPOST_FORWARD_AUTH_LISTEN` your proxy
	// has to drop them itself; the gate tells Envoy and HAProxy which.
	StripHeaders string `env:"GATEPOST_STRIP_HEADERS" list:"true"`
	// Let another header than `X-Auth-Email` carry the e-mail address, even if anybody may sign up with an address that is
	// not confirmed. Danger: an app that knows people by that header may take a stranger for the owner of the address.
	TrustUnverifiedEmail string `env:"GATEPOST_TRUST_UNVERIFIED_EMAIL, default=false"`
	// Send usernames that users have chosen to the app, even if anybody may sign up. Danger: whoever chooses a name first
	// has it, and the app may take them for its own user of that name. See [security.md](security.md#usernames).
	TrustChosenUsernames string `env:"GATEPOST_TRUST_CHOSEN_USERNAMES, default=false"`

	// # Signing up and in
	//
	// Who may make an account: `open` (everybody), `invite` (people with an invitation) or `closed` (nobody).
	SignUp string `env:"GATEPOST_SIGNUP, default=open"`
	// Domains whose addresses may sign up, like `example.com, example.org`; needs `GATEPOST_VERIFY_EMAIL=required`.
	// Default: all.
	SignUpDomains string `env:"GATEPOST_SIGNUP_DOMAINS" list:"true"`
	// How many people may sign up from one network at once, and after that in each hour. From this machine and private
	// networks it is at least 100. `0` for no limit.
	SignUpLimit string `env:"GATEPOST_SIGNUP_LIMIT, default=5"`
	// How many people may sign up from all networks together, counted in the same way; `0` for no limit.
	SignUpTotal string `env:"GATEPOST_SIGNUP_TOTAL, default=0"`
	// Who gives users a username, for apps that take neither ids nor addresses as names. It has at most 32 of `a-z`,
	// `0-9`, `.`, `_` and `-`. `chosen`: the sign-up page asks for one, and the account page asks users who have none.
	// `given`: you give them (`gatepost user set-username`). Default: `chosen` where `GATEPOST_IDENTITY_HEADERS` has the
	// attribute `username`, else `given`.
	Usernames string `env:"GATEPOST_USERNAMES"`
	// Usernames that nobody can choose, like `boss, payroll`, besides `admin`, `root`, `support` and
	// [others](security.md#usernames). You may give them.
	ReservedUsernames string `env:"GATEPOST_RESERVED_USERNAMES" list:"true"`
	// Networks in which many people share an address, like an office or a school: `203.0.113.7, 2001:db8:12::/48`. Their
	// limits follow `GATEPOST_OFFICE_PEOPLE`. For wrong passwords the gate counts the accounts that were tried from there,
	// and not the tries. Danger: somebody in such a network can guess passwords of that many accounts, at each as often as
	// anybody.
	Offices string `env:"GATEPOST_OFFICES" list:"true"`
	// About how many people there are in each network of `GATEPOST_OFFICES`; 1 to 100000.
	OfficePeople string `env:"GATEPOST_OFFICE_PEOPLE, default=200"`
	// Shortest password in characters, 8 to 64.
	PasswordMin string `env:"GATEPOST_PASSWORD_MIN, default=8"`
	// Refuse new passwords that are known from breaches, by the lists of Have I Been Pwned. The value is a folder or file
	// that PwnedPasswordsDownloader has written, or a filter that `gatepost breached` has made of one. `online` asks
	// api.pwnedpasswords.com for each password; it learns 20 bits of a hash, and no password. Or name the `https://`
	// address of a service like it. If the list cannot be read or the service does not answer, the gate accepts the
	// password and logs that. Default: not looked up.
	BreachedPasswords string `env:"GATEPOST_BREACHED_PASSWORDS"`
	// What strangers have to solve before they sign up, have mail sent to an address that they type, and log in where that
	// failed often, so that bots have it harder. `altcha`: browsers do a proof of work by themselves, in a second or so;
	// nobody else is asked, and no key is needed. `turnstile` (Cloudflare), `hcaptcha` or `friendlycaptcha`: the service's
	// script runs in these pages, and could read what is typed there; visitors are known to the service. The forms need
	// scripts then. See [security.md](security.md#bots). Default: nothing to solve.
	Challenge string `env:"GATEPOST_CHALLENGE"`
	// The key of the site that the service has given you, which is no secret.
	ChallengeSiteKey string `env:"GATEPOST_CHALLENGE_SITE_KEY"`
	// The secret key that it has given you; of Friendly Captcha an API key.
	ChallengeSecret string `env:"GATEPOST_CHALLENGE_SECRET" secret:"true"`
	// After how many failed logins the login page asks for a solution: for an e-mail address in a row, for a network at
	// once and then in each hour; 0 to 100, `0` for every login. A network in `GATEPOST_OFFICES` may have as many as it
	// has people, this machine and a private network 100, if that is more.
	ChallengeAfter string `env:"GATEPOST_CHALLENGE_AFTER, default=3"`
	// A session ends when it was not used for this long. A request is a use, and so is an upload or download that moves.
	SessionIdle string `env:"GATEPOST_SESSION_IDLE, default=168h"`
	// A session also ends this long after the login, even if it is in use; at most 400 days.
	SessionLifetime string `env:"GATEPOST_SESSION_LIFETIME, default=720h"`
	// For how long the gate does not ask for the second factor in a browser that a user trusts, counted from the login at
	// which they chose that; at most 400 days. `0`: always ask. Danger: whoever uses such a browser needs the password
	// alone. The trust ends with a new password, a change of factors, and on the account page. See [second
	// factors](second-factors.md#browsers-that-need-no-code).
	TrustBrowser string `env:"GATEPOST_TRUST_BROWSER, default=0"`
	// How many sessions one user may have, 1 to 10000. A login beyond that ends those that were not used for longest.
	SessionsPerUser string `env:"GATEPOST_SESSIONS_PER_USER, default=100"`
	// For how long the gate uses a session again without asking PostgreSQL, up to `60s` or a fiftieth of
	// `GATEPOST_SESSION_IDLE`; `0` asks on every request. A revoked session is refused within a second all the same.
	SessionCache string `env:"GATEPOST_SESSION_CACHE, default=30s"`
	// Prefixes like `/api/poll, /notifications`. Requests below them do not keep a session from ending for want of use: an
	// open page makes such requests by itself. The same holds for requests with the header `X-Gatepost-Passive: 1`.
	PassivePaths string `env:"GATEPOST_PASSIVE_PATHS" list:"true"`

	// # Signing in with others
	//
	// Order of the buttons on the pages, like `google, github, corp`. The list has to name all providers that have
	// settings ([below](#providers)). Default: GitHub, Google, Microsoft, Apple, GitLab, Discord, then by alphabet.
	Providers string `env:"GATEPOST_PROVIDERS" list:"true"`
	// `off` lets people log in with providers only. Then at least one provider needs settings. Passwords that exist stay
	// in the database.
	Passwords string `env:"GATEPOST_PASSWORDS, default=on"`
	// Who answers below `/api/auth/`. `gate`: the gate speaks the protocol of [Better Auth's
	// client](better-auth-client.md) there and forwards nothing. `app`: the app gets these requests, by the rules.
	// Providers send people back to `/api/auth/callback/<name>`, and with `app` to `/.gatepost/callback/<name>`.
	APIAuth string `env:"GATEPOST_API_AUTH, default=gate"`
	// The header in which the app gets a signed assertion of who is signed in, a JWT that it can verify, for example
	// `X-Auth-Assertion`; needs `GATEPOST_ENCRYPTION_KEY`, or the built-in PostgreSQL. No client can send it, whatever its
	// spelling. See [identity.md](identity.md). Default: none.
	AssertionHeader string `env:"GATEPOST_ASSERTION_HEADER"`
	// The name of your app, which the assertion has as its `aud`. Two apps with one audience could use each other's
	// assertions. Default: the public URL.
	AssertionAudience string `env:"GATEPOST_ASSERTION_AUDIENCE"`
	// Sign an assertion for each request, with its method and path in it, so that it is of no use for another request.
	// Without this setting the gate uses one assertion for all requests of a session, for at most a minute.
	AssertionBind string `env:"GATEPOST_ASSERTION_BIND, default=false"`
	// Keep, encrypted, the tokens with which the app can call a provider on behalf of a user; needs
	// `GATEPOST_ENCRYPTION_KEY`, or the built-in PostgreSQL.
	KeepProviderTokens string `env:"GATEPOST_KEEP_PROVIDER_TOKENS, default=false"`
	// Prefixes like `/calendar, /api/files`. Below them the app gets the signed-in user's token in
	// `X-Auth-Provider-Token`; needs `GATEPOST_KEEP_PROVIDER_TOKENS=true`.
	ProviderTokenPaths string `env:"GATEPOST_PROVIDER_TOKEN_PATHS" list:"true"`

	// # Moving in
	//
	// The PostgreSQL that `gatepost import` reads. Set it here instead of with `--from`, as a command line shows the
	// password to other users of the machine. The gate itself does not use it.
	ImportFrom string `env:"GATEPOST_IMPORT_FROM" secret:"true"`
	// The secret with which Better Auth signed its cookies, or several, comma-separated: browsers that were signed in
	// there stay signed in ([move-in](move-in/README.md)). Write a secret of `BETTER_AUTH_SECRETS` without its version
	// (`2:`). A secret with a comma in it is not possible. Needs `GATEPOST_IMPORT_UNTIL`.
	ImportBetterAuthSecret string `env:"GATEPOST_IMPORT_BETTER_AUTH_SECRET" secret:"true"`
	// The same for Auth.js and NextAuth, whose sessions are in their database or encrypted in a cookie.
	ImportAuthJSSecret string `env:"GATEPOST_IMPORT_AUTHJS_SECRET" secret:"true"`
	// Names of these cookies, if the app had other names than usual, without `__Secure-`, like
	// `better-auth=acme.session_token, authjs=acme.session`. If the app gave Better Auth's cookies another prefix, and the
	// session cookie a name of its own, write both: `better-auth=sid, better-auth=acme.session_token`.
	ImportCookies string `env:"GATEPOST_IMPORT_COOKIES" list:"true"`
	// A URL of yours that says whether a password is right, for users whose password hashes the old system does not hand
	// out; see [trickle](move-in/trickle.md). `https`, or `http` on this machine.
	FallbackLoginURL string `env:"GATEPOST_FALLBACK_LOGIN_URL"`
	// The secret that the gate sends to `GATEPOST_FALLBACK_LOGIN_URL` in `Authorization: Bearer`; at least 16 characters.
	FallbackLoginSecret string `env:"GATEPOST_FALLBACK_LOGIN_SECRET" secret:"true"`
	// From when on no cookie of the old system counts, like `2027-01-31T00:00:00Z`; at most 90 days ahead.
	ImportUntil string `env:"GATEPOST_IMPORT_UNTIL"`

	// # Mail
	//
	// The mail server, as `smtp://user:password@host:587` or `smtps://host`, see [mail.md](mail.md).
	SMTPURL string `env:"GATEPOST_SMTP_URL" secret:"true"`
	// Sender of mail, like `Example <login@example.com>`; needed with `GATEPOST_SMTP_URL`.
	MailFrom string `env:"GATEPOST_MAIL_FROM"`
	// Whether users confirm their e-mail address. `off`: no. `optional`: they get a link and may use it any time.
	// `required`: they have to before the first login. Default: `optional` with mail, else `off`.
	VerifyEmail string `env:"GATEPOST_VERIFY_EMAIL"`
	// Mail users about logins with a browser that is new to their account.
	NotifySignIns string `env:"GATEPOST_NOTIFY_SIGN_INS, default=true"`

	// # Webhooks
	//
	// A URL of your app. There the gate sends events: who signed up, was changed or deleted, and whose session ended. It
	// is `https`, or `http` to this machine, a private address, or a name without a dot as container networks have, and
	// has no user name or password. See [webhooks.md](webhooks.md). Default: no events.
	WebhookURL string `env:"GATEPOST_WEBHOOK_URL" secret:"true"`
	// The secret with which the app verifies events, as `gatepost webhook secret` makes it: `whsec_` and 24 to 64 bytes in
	// base64. While you change it, write two, comma-separated: each event is signed with both.
	WebhookSecret string `env:"GATEPOST_WEBHOOK_SECRET" secret:"true"`

	PageSettings

	// # Operation
	//
	// Where the gate serves `/healthz`, `/readyz` and `/metrics`, to whoever can connect; `off` for nowhere.
	OpsListen string `env:"GATEPOST_OPS_LISTEN, default=localhost:9180"`
	// Serve Go's profiles at `/debug/pprof/` of `GATEPOST_OPS_LISTEN`; whoever reaches it can slow the gate down.
	Profiling string `env:"GATEPOST_PROFILING, default=false"`
	// How long a gate that is told to stop goes on, with `/readyz` at 503 and each answer ending its connection, so
	// that balancers notice.
	DrainDelay string `env:"GATEPOST_DRAIN_DELAY, default=0s"`
	// How long requests under way may take after `GATEPOST_DRAIN_DELAY`, before the gate ends them.
	DrainTimeout string `env:"GATEPOST_DRAIN_TIMEOUT, default=10s"`
	// `text` or `json`.
	LogFormat string `env:"GATEPOST_LOG_FORMAT, default=text"`
	// `debug`, `info`, `warn` or `error`.
	LogLevel string `env:"GATEPOST_LOG_LEVEL, default=info"`
	// How long decisions about people stay in the table `gatepost.audit_event`; `off` writes none there.
	AuditRetention string `env:"GATEPOST_AUDIT_RETENTION, default=2160h"`

	// ByProvider are the settings of each provider that has some, in the default order.
	ByProvider []ProviderSettings
}
