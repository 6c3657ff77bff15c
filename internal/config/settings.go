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
	// Longest wait for the first byte of the app's answer, which is 504 then; nothing is timed after that.
	UpstreamTimeout string `env:"GATEPOST_UPSTREAM_TIMEOUT, default=60s"`
	// Greatest age of a connection to the app that gets another request, at least `1s`; `off` for no limit. Requests
	// and WebSockets under way go on. A new connection asks the DNS, so that a change there is followed after this
	// time; a minute is how long the names of cloud balancers are usually good for.
	UpstreamConnAge string `env:"GATEPOST_UPSTREAM_CONN_AGE, default=60s"`
	// For an app at `https://` with a certificate of your own authority, or a self-signed one: that certificate, or
	// several, in PEM. Only they count then. Default: the authorities that the system trusts.
	UpstreamCA string `env:"GATEPOST_UPSTREAM_CA" secret:"true"`
	// The name that the certificate of an app at `https://` has to be for, where that is not the host of
	// `GATEPOST_UPSTREAM`. Danger: whoever has a certificate for it can pass for the app. Default: that host.
	UpstreamServerName string `env:"GATEPOST_UPSTREAM_SERVER_NAME"`
	// The gate's own certificate and its chain, in PEM, for an app at `https://` that asks for one; goes with
	// `GATEPOST_UPSTREAM_KEY`. It and the others are read at start.
	UpstreamCert string `env:"GATEPOST_UPSTREAM_CERT" secret:"true"`
	// The key of that certificate, in PEM and not encrypted.
	UpstreamKey string `env:"GATEPOST_UPSTREAM_KEY" secret:"true"`
	// Rules for paths that need a signed-in user, like `/dashboard, POST /api, /admin=admin|owner`: prefixes by whole
	// segments, with methods before them and roles after them if you like. A segment may be `*` (any one, `/*/settings`),
	// or begin or end with one (`/*/*.git`, `/admin*`). The longest prefix decides, and before that, from the left, a
	// name counts before a part of one, and this before `*`; a path no rule names is public. Methods are those of IANA's
	// registry; a rule that cannot protect what it says is refused. Conditions stand behind a `+` each, as in
	// `/admin=admin+aal2, /billing=+fresh=10m`: `aal2` wants a second factor in the session, and `fresh` that its user was
	// proved no longer ago than the duration, which is at least 1m. See [rules.md](rules.md#conditions).
	Protect string `env:"GATEPOST_PROTECT, default=/" list:"true"`
	// Exceptions from these, in the same form without roles and conditions. Each opens only what it names, in its own
	// spelling: `/members.css` opens neither `/members.html` nor `/Members.css`, and a `*` is one plain name. `@assets`
	// opens what browsers fetch without cookies, for reading: `/manifest.json`, `/*.webmanifest`, icons (`/favicon.ico`,
	// `/favicon.svg`, `/favicon.png`, `/favicon-*`, `/apple-touch-icon*`, `/android-chrome-*`, `/mstile-*`,
	// `/safari-pinned-tab.svg`, `/browserconfig.xml`), `/robots.txt` and `/.well-known/*`, but there not the gate's own
	// `change-password`, nor `webfinger`, `appspecific`, `mercure`, `jmap`, `masque`, `ohttp-gateway`, `est`, `cmp`,
	// `brski`, `stun-key`, `core` and `wot`. Of the files it opens nothing below their names.
	Public string `env:"GATEPOST_PUBLIC" list:"true"`
	// Where the gate takes API tokens, which users make on their account page and you with `gatepost token`: rules like
	// `/api, GET|POST /git`, in the form of `GATEPOST_PUBLIC`. A path takes them if every reading of it lies under one.
	// Anywhere else, and where it is wrong, a token of the gate's is 401. See [tokens.md](tokens.md). Default: nowhere.
	Tokens string `env:"GATEPOST_TOKENS" list:"true"`
	// Let API tokens be made that count until they are revoked. Set back to `false`, those do not count.
	TokensForever string `env:"GATEPOST_TOKENS_FOREVER, default=false"`
	// Let API tokens meet the condition `aal2` that were made in a session with a fresh second factor; `fresh` none
	// meets. Danger: whoever finds such a token needs no second factor. Default: they are one factor.
	TokensAAL2 string `env:"GATEPOST_TOKENS_AAL2, default=false"`
	// Pages of other origins that may read what the app answers below a prefix, like
	// `/api=https://a.example.com|https://b.example.com, /feed=https://c.example.org`: the gate answers their preflights,
	// signed out too, and says so on the answers in place of the app. A page comes with the cookie if it is of the same
	// site, and else with a token only. Danger: such a page can do below the prefix what the visitor can.
	// It does nothing for what a proxy forwards that asks (`GATEPOST_FORWARD_AUTH_LISTEN`). See [cors.md](cors.md).
	// Default: none.
	CORS string `env:"GATEPOST_CORS" list:"true"`
	// Who has a second factor: an authenticator app or a passkey. `optional`: whoever wants. `required`: everybody has to
	// have one before anything protected opens, and is led through adding it. `off`: nobody can add an app or a passkey;
	// whoever has one is still asked for it at login, and can log in by their passkey. Without `GATEPOST_ENCRYPTION_KEY`
	// no authenticator app can be added; passkeys need none.
	SecondFactor string `env:"GATEPOST_SECOND_FACTOR, default=optional"`
	// Roles of those who have to have a second factor where it is `optional`, like `admin|owner`. Danger: it counts for
	// protected paths only; a public path takes them for signed in without one. Default: nobody has to.
	SecondFactorRoles string `env:"GATEPOST_SECOND_FACTOR_ROLES"`
	// Closes the site for maintenance: each request that the app would get is answered with 503 and a page that says so,
	// or JSON with the code `MAINTENANCE`. `true` closes it while the gate runs. The path of a file from `/` on closes it
	// while there is such a file, from at most a second after it was made; the first 1 KiB of it is shown on the page, as
	// plain text that anybody can read. The gate's own pages go on, so that people can log in. See
	// [operate.md](operate.md#close-the-site-for-maintenance). Default: open.
	Maintenance string `env:"GATEPOST_MAINTENANCE"`
	// Roles of those who get to the app while it is closed, like `admin, tester`, to try it before it is opened again.
	// Default: nobody gets there.
	MaintenanceRoles string `env:"GATEPOST_MAINTENANCE_ROLES" list:"true"`

	// Cookies in which the app keeps a session of its own, like `PHPSESSID, DokuWiki*@/wiki`: a name, with `*` at its
	// end for all that begin so, and after `@` the path that the app sets it for, else `/`. They end with each logout,
	// and with each login that does not go on with the same user's session, for this host and the domains above it. A
	// name with `*` ends only where the browser sends it to the gate's pages. Without it the next person in a browser
	// may be the last one to the app.
	AppCookies string `env:"GATEPOST_APP_COOKIES" list:"true"`

	// # PostgreSQL
	//
	// PostgreSQL 14 to 18, as `postgres://user:password@host/database` or a DSN; of several hosts the primary is used.
	// Parameters of Prisma, node-postgres and others are taken with their meaning, or refused by name, see
	// [deploy.md](deploy.md#addresses-of-other-programs). Default: the built-in PostgreSQL, for trying and for one
	// machine.
	DatabaseURL string `env:"DATABASE_URL" secret:"true"`
	// For migrations and for hearing of revocations (`LISTEN`), when `DATABASE_URL` is a pooler in transaction mode.
	// Default: `DATABASE_URL`.
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
	// Other addresses of the site, like `https://www.example.com, http://10.0.0.5:8080`. A page that is opened there is
	// opened at the public URL instead (303), where people are signed in; what scripts and programs ask for, and sockets,
	// are served, and may come from pages at these addresses. An `http://` one of an `https://` site only leads there:
	// anybody on the way could change its pages.
	PublicURLAliases string `env:"GATEPOST_PUBLIC_URL_ALIASES" list:"true"`
	// Accept a public URL with `http://` for a host that is not loopback: passwords travel unencrypted, and any other
	// site below the same domain can sign a visitor in as somebody else.
	AllowHTTP string `env:"GATEPOST_ALLOW_HTTP, default=false"`
	// Networks of proxies in front, like `10.0.0.0/8, 192.0.2.1`, whose `X-Forwarded-For` is believed, read from the
	// right. Without it all visitors behind a proxy count as one. Who is listed wrongly can choose their address.
	TrustedProxies string `env:"GATEPOST_TRUSTED_PROXIES" list:"true"`
	// Headers by which these proxies tell the app where visitors see it, of `X-Forwarded-Prefix` (a path that the proxy
	// cuts off) and `X-Forwarded-Port`; without it neither reaches the app. The proxy has to set what is listed: most
	// pass on what a visitor sent, and apps make addresses of it.
	ForwardedHeaders string `env:"GATEPOST_FORWARDED_HEADERS" list:"true"`
	// How many connections visitors may have at once, 1 to 1000000, and not more than half the files that the process
	// may open (`ulimit -n`). One of HTTP/2 counts once for each request under way. Beyond that the network with the
	// most of them loses one.
	MaxConnections string `env:"GATEPOST_MAX_CONNECTIONS, default=16384"`
	// How long a visitor's connection may be idle before it is closed, at least `1s`. It has to be longer than a
	// balancer in front keeps its connections, or requests meet closed ones and fail: Google's keep them for 600 s,
	// AWS's for 60 s. Idle connections are the first to be closed when there are too many.
	ListenIdle string `env:"GATEPOST_LISTEN_IDLE, default=620s"`
	// Let a balancer that ends TLS speak HTTP/2 to `GATEPOST_LISTEN` without TLS (h2c, with prior knowledge), as gRPC
	// needs it; HTTP/1.1 goes on beside it. Only those in `GATEPOST_TRUSTED_PROXIES` may, and without that setting only
	// this machine. On the way from the balancer everybody can read along.
	ListenH2C string `env:"GATEPOST_LISTEN_H2C, default=false"`

	// # Behind a proxy of your own
	//
	// Where a proxy of yours asks whether a request may pass, as `host:port` or `unix:/path`, at `/authz/nginx`,
	// `/authz/traefik`, `/authz/caddy`, `/authz/envoy` or `/authz/haproxy`; see [forward-auth.md](forward-auth.md). It is
	// for that proxy alone: who can ask there can say which request and which address they ask for. Default: off.
	ForwardAuthListen string `env:"GATEPOST_FORWARD_AUTH_LISTEN"`
	// Networks of the proxies that may ask there, like `10.0.0.5`; everybody else gets 403. Default: this machine, where
	// nobody else can connect; else none, and needed.
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
	// Like `:80`: there whoever asks for a page or data is sent to https (308), what has a password, a token or a cookie
	// in it or may change something is refused (426), and ACME may look.
	HTTPListen string `env:"GATEPOST_HTTP_LISTEN"`
	// With TLS of its own, for how long browsers come by https only (`Strict-Transport-Security`); `off` for not at
	// all.
	HSTS string `env:"GATEPOST_HSTS, default=8760h"`

	// # What the app is told
	//
	// Headers the app gets for a signed-in visitor, as header = attribute; the attributes are id, email,
	// email_verified, name, username, roles, level (`2` if a second factor was proved in the session, else `1`) and
	// auth_time (when the user was last proved, in seconds since 1970). `X-WEBAUTH-FULLNAME=name:utf8` writes one in
	// another format than `percent`: `utf8`, `rfc2047`, `ascii` or `base64`; roles also with `space`, `semicolon` or
	// `pipe` between two. `X-From={name:ascii} <{email}>` is a text with attributes in it, of id, email and username one
	// at most, with one of `<>()[]` between it and any other. No client can send one of them, whatever its spelling. A
	// header with the username in it is left out for who has none.
	IdentityHeaders string `env:"GATEPOST_IDENTITY_HEADERS, default=X-Auth-User=id, X-Auth-Email=email, X-Auth-Email-Verified=email_verified, X-Auth-Name=name, X-Auth-Roles=roles" list:"true"`
	// More header names never accepted from a client. A proxy that asks (`GATEPOST_FORWARD_AUTH_LISTEN`) has to drop them
	// itself; Envoy and HAProxy are told which.
	StripHeaders string `env:"GATEPOST_STRIP_HEADERS" list:"true"`
	// Allow the address under another header name although anybody may sign up with an address that is not confirmed.
	TrustUnverifiedEmail string `env:"GATEPOST_TRUST_UNVERIFIED_EMAIL, default=false"`
	// Allow usernames that users chose to be sent under any header although anybody may sign up: whoever comes first has
	// the name, and is to the app who has it there. See [security.md](security.md#usernames).
	TrustChosenUsernames string `env:"GATEPOST_TRUST_CHOSEN_USERNAMES, default=false"`

	// # Signing up and in
	//
	// `open`, `invite` (who has an invitation) or `closed`.
	SignUp string `env:"GATEPOST_SIGNUP, default=open"`
	// Domains whose addresses may sign up, like `example.com, example.org`; needs `GATEPOST_VERIFY_EMAIL=required`.
	// Default: all.
	SignUpDomains string `env:"GATEPOST_SIGNUP_DOMAINS" list:"true"`
	// How many may sign up at once from one network, and then in an hour; at least 100 from this machine and private
	// networks; `0` for no limit.
	SignUpLimit string `env:"GATEPOST_SIGNUP_LIMIT, default=5"`
	// The same for everybody together; `0` for no limit.
	SignUpTotal string `env:"GATEPOST_SIGNUP_TOTAL, default=0"`
	// Who gives users a username, a name of at most 32 of `a-z`, `0-9`, `.`, `_` and `-` for apps whose names may be
	// neither ids nor addresses: `chosen` asks for one at sign-up, and on the account page whoever has none; `given`
	// leaves it to you (`gatepost user set-username`). Default: `chosen` where `GATEPOST_IDENTITY_HEADERS` has the
	// attribute `username`, else `given`.
	Usernames string `env:"GATEPOST_USERNAMES"`
	// Usernames that nobody can choose, like `boss, payroll`, besides `admin`, `root`, `support` and
	// [others](security.md#usernames). You may give them.
	ReservedUsernames string `env:"GATEPOST_RESERVED_USERNAMES" list:"true"`
	// Networks in which many people share an address, like an office or a school: `203.0.113.7, 2001:db8:12::/48`. Their
	// limits follow `GATEPOST_OFFICE_PEOPLE`, and of wrong passwords it is the accounts that count, not the tries. Whoever
	// is there can guess at that many accounts, at each as often as anybody.
	Offices string `env:"GATEPOST_OFFICES" list:"true"`
	// How many people there are in each of them, about; 1 to 100000.
	OfficePeople string `env:"GATEPOST_OFFICE_PEOPLE, default=200"`
	// Shortest password in characters, 8 to 64.
	PasswordMin string `env:"GATEPOST_PASSWORD_MIN, default=8"`
	// Refuse new passwords that are known from breaches, by the lists of Have I Been Pwned: a folder or file that
	// PwnedPasswordsDownloader has written, a filter that `gatepost breached` has made of one, `online` to ask
	// api.pwnedpasswords.com for each (it learns 20 bits of a hash, and no password), or the `https://` address of a
	// service like it. Where nobody can say, the password is taken and the log says so. Default: nobody looks.
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
	// How many failed logins of an address in a row, or of a network at once and then in an hour, make the next ones ask;
	// 0 to 100, `0` for all. From a network in `GATEPOST_OFFICES` as many as people are there, from this machine and a
	// private network 100, if that is more.
	ChallengeAfter string `env:"GATEPOST_CHALLENGE_AFTER, default=3"`
	// A session ends when it was not used for this long. A request is a use, and so is an upload or download that moves.
	SessionIdle string `env:"GATEPOST_SESSION_IDLE, default=168h"`
	// And this long after sign-in whatever happens; at most 400 days.
	SessionLifetime string `env:"GATEPOST_SESSION_LIFETIME, default=720h"`
	// How long users may do without their second factor in a browser that they trust, from the second step on; at most 400
	// days. `0`: never. Whoever uses such a browser needs the password alone. The trust ends with a new password, a change
	// of factors, and on the account page. See [second factors](second-factors.md#browsers-that-need-no-code).
	TrustBrowser string `env:"GATEPOST_TRUST_BROWSER, default=0"`
	// How many sessions one user may have, 1 to 10000. A login beyond that ends those that were not used for longest.
	SessionsPerUser string `env:"GATEPOST_SESSIONS_PER_USER, default=100"`
	// Longest a session that was looked up may be used again without asking PostgreSQL, up to `60s` or a fiftieth of
	// `GATEPOST_SESSION_IDLE`; `0` asks on every request. Revocations count within a second all the same.
	SessionCache string `env:"GATEPOST_SESSION_CACHE, default=30s"`
	// Prefixes like `/api/poll, /notifications` below which requests are no use of a session, as those that an open page
	// makes by itself; so are requests with the header `X-Gatepost-Passive: 1`.
	PassivePaths string `env:"GATEPOST_PASSIVE_PATHS" list:"true"`

	// # Signing in with others
	//
	// Order of the buttons on the pages, like `google, github, corp`, which has to name all providers there are; their
	// settings are [below](#providers). Default: GitHub, Google, Microsoft, Apple, GitLab, Discord, then by alphabet.
	Providers string `env:"GATEPOST_PROVIDERS" list:"true"`
	// `off` lets people in by providers only, of which there has to be one; passwords that exist are kept.
	Passwords string `env:"GATEPOST_PASSWORDS, default=on"`
	// Whom `/api/auth/` belongs to: the `gate`, which speaks the protocol of
	// [Better Auth's client](better-auth-client.md) there and passes nothing on, or the `app` with all that is below it,
	// by the rules. The callbacks, which providers have to know, are `/api/auth/callback/<name>`, and with `app`
	// `/.gatepost/callback/<name>`.
	APIAuth string `env:"GATEPOST_API_AUTH, default=gate"`
	// The header in which the app gets a signed assertion of who is signed in, a JWT that it can verify, for example
	// `X-Auth-Assertion`; needs `GATEPOST_ENCRYPTION_KEY`, or the built-in PostgreSQL. No client can send it, whatever its
	// spelling. See [identity.md](identity.md). Default: none.
	AssertionHeader string `env:"GATEPOST_ASSERTION_HEADER"`
	// Whom the assertion is for, as its `aud` says: the name of your app. Two apps with one audience could use each
	// other's assertions. Default: the public URL.
	AssertionAudience string `env:"GATEPOST_ASSERTION_AUDIENCE"`
	// Sign an assertion for each request, over its method and path, so that it proves no other request. Without it an
	// assertion is used for at most a minute of a session.
	AssertionBind string `env:"GATEPOST_ASSERTION_BIND, default=false"`
	// Keep the tokens with which the app can call a provider in a person's name, encrypted; needs
	// `GATEPOST_ENCRYPTION_KEY`, or the built-in PostgreSQL.
	KeepProviderTokens string `env:"GATEPOST_KEEP_PROVIDER_TOKENS, default=false"`
	// Prefixes like `/calendar, /api/files` below which the app gets the token of who is signed in, as
	// `X-Auth-Provider-Token`; needs `GATEPOST_KEEP_PROVIDER_TOKENS=true`.
	ProviderTokenPaths string `env:"GATEPOST_PROVIDER_TOKEN_PATHS" list:"true"`

	// # Moving in
	//
	// The PostgreSQL that `gatepost import` reads, where the command line would show the password to others. The gate
	// does not use it.
	ImportFrom string `env:"GATEPOST_IMPORT_FROM" secret:"true"`
	// The secret with which Better Auth signed its cookies, or several, comma-separated: browsers that were signed in
	// there stay so, as [move-in](move-in/README.md) tells. A secret of `BETTER_AUTH_SECRETS` stands here without its
	// version (`2:`), and one with a comma in it cannot be given. Needs `GATEPOST_IMPORT_UNTIL`.
	ImportBetterAuthSecret string `env:"GATEPOST_IMPORT_BETTER_AUTH_SECRET" secret:"true"`
	// The same for Auth.js and NextAuth, whose sessions are in their database or encrypted in a cookie.
	ImportAuthJSSecret string `env:"GATEPOST_IMPORT_AUTHJS_SECRET" secret:"true"`
	// Names of these cookies where the app had others than usual, without `__Secure-`, like
	// `better-auth=acme.session_token, authjs=acme.session`. Where the app gave Better Auth's cookies another prefix, and
	// that of the session a name of its own, give both: `better-auth=sid, better-auth=acme.session_token`.
	ImportCookies string `env:"GATEPOST_IMPORT_COOKIES" list:"true"`
	// A URL of yours that says whether a password is right, for people whose hash the system before does not hand out;
	// see [trickle](move-in/trickle.md). `https`, or `http` on this machine.
	FallbackLoginURL string `env:"GATEPOST_FALLBACK_LOGIN_URL"`
	// The secret that it gets in `Authorization: Bearer`; at least 16 characters.
	FallbackLoginSecret string `env:"GATEPOST_FALLBACK_LOGIN_SECRET" secret:"true"`
	// When no old cookie counts any more, like `2027-01-31T00:00:00Z`; at most 90 days ahead.
	ImportUntil string `env:"GATEPOST_IMPORT_UNTIL"`

	// # Mail
	//
	// The mail server, as `smtp://user:password@host:587` or `smtps://host`, see [mail.md](mail.md).
	SMTPURL string `env:"GATEPOST_SMTP_URL" secret:"true"`
	// Sender of mail, like `Example <login@example.com>`; needed with `GATEPOST_SMTP_URL`.
	MailFrom string `env:"GATEPOST_MAIL_FROM"`
	// `off`, `optional` or `required`: whether addresses are confirmed, before the first login or at leisure. Default:
	// `optional` with mail, else `off`.
	VerifyEmail string `env:"GATEPOST_VERIFY_EMAIL"`
	// Mail users about logins with a browser that is new to their account.
	NotifySignIns string `env:"GATEPOST_NOTIFY_SIGN_INS, default=true"`

	// # Webhooks
	//
	// Where the app is told who signed up, was changed or deleted, and whose session ended: `https`, or `http` to this
	// machine, a private address, or a name without a dot as container networks have; without user. See
	// [webhooks.md](webhooks.md). Default: it is not told.
	WebhookURL string `env:"GATEPOST_WEBHOOK_URL" secret:"true"`
	// The secret that it verifies them with, as `gatepost webhook secret` makes it: `whsec_` and 24 to 64 bytes in base64.
	// Two, comma-separated, while you change it: each event is signed with both.
	WebhookSecret string `env:"GATEPOST_WEBHOOK_SECRET" secret:"true"`

	// # Pages
	//
	// Prefix of the gate's own pages, like `/auth` for apps that have a `/login`.
	Pages string `env:"GATEPOST_PAGES, default=/"`
	// Where login lands when no page was asked for.
	Home string `env:"GATEPOST_HOME, default=/"`
	// Where logout leads when its form or link names no page in `next`, like `/`: a page that is public. Default: the
	// login.
	LogoutHome string `env:"GATEPOST_LOGOUT_HOME"`
	// Paths of the app's own logout that log out here instead, like `/user/logout`: opening one asks, sending its form
	// does it. The app does not see them.
	LogoutPaths string `env:"GATEPOST_LOGOUT_PATHS" list:"true"`
	// Exact paths to which another site sends a form when it is done, like `/saml/acs`: the answer of a company's login,
	// the return from a payment. Browsers send no cookie with it, so a page of ours sends the same form once more.
	// **Every** site can send a form there as the visitor: the app itself has to check what comes (a signature).
	CrossSitePost string `env:"GATEPOST_CROSS_SITE_POST" list:"true"`
	// The name on the pages and in mail. Default: host of the public URL; in mail without its port, and where it is this
	// machine or an IP address, which say nothing to readers, the name in `GATEPOST_MAIL_FROM`, else "our site".
	AppName string `env:"GATEPOST_APP_NAME"`
	// Picture beside the name: an `https://` address, or a file (PNG, JPEG, GIF, WebP or SVG, at most 256 KiB).
	// Default: a gate.
	Logo string `env:"GATEPOST_LOGO"`
	// Colour of buttons and links, like `#1f5fbf`; refused when it cannot be read on a light page, and made lighter for
	// the dark one. Default: `#1f5fbf`.
	Accent string `env:"GATEPOST_ACCENT"`
	// Page with your terms, to link to.
	TermsURL string `env:"GATEPOST_TERMS_URL"`
	// Page about privacy, to link to.
	PrivacyURL string `env:"GATEPOST_PRIVACY_URL"`
	// File of CSS that comes after ours, at most 64 KiB.
	Stylesheet string `env:"GATEPOST_STYLESHEET"`
	// Languages of the pages, like `en, es`; the first is for everybody else. Default: all there are.
	Languages string `env:"GATEPOST_LANGUAGES" list:"true"`
	// Directory with `templates` and `messages` that replace ours, see [pages.md](pages.md).
	Overrides string `env:"GATEPOST_OVERRIDES"`

	// # Operation
	//
	// Where `/healthz`, `/readyz` and `/metrics` are served, to whoever can connect; `off` for nowhere.
	OpsListen string `env:"GATEPOST_OPS_LISTEN, default=localhost:9180"`
	// Serve Go's profiles at `/debug/pprof/` of `GATEPOST_OPS_LISTEN`; whoever reaches it can slow the gate down.
	Profiling string `env:"GATEPOST_PROFILING, default=false"`
	// How long a gate that is told to stop goes on, with `/readyz` at 503 and each answer ending its connection, so
	// that balancers notice.
	DrainDelay string `env:"GATEPOST_DRAIN_DELAY, default=0s"`
	// And how long what is under way may take after that.
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
