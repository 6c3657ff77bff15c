// The real Better Auth with an app around it, as the sample apps of its documentation have it. It listens on PORT of
// localhost and prints its URL when it is up. PACKAGE is the version, as package.json calls it; with DRIZZLE set, the
// tables are those that its generator makes for Drizzle, else its own migrator makes them in DATABASE_URL.
//
// PROVIDER is the issuer of a provider to sign in with, which is called corp there. IDS, PREFIX and COOKIE are what an
// app may have set of ids and the names of cookies. With PASSKEY set there is the plugin passkey, which has a package
// of its own.
//
// Mails are printed. Who has an address that begins with "admin" is an administrator from the start.
import { createServer } from 'node:http'
import pg from 'pg'

const { PACKAGE, DRIZZLE, DATABASE_URL, PORT, SECRET, BASE, PROVIDER, IDS, PREFIX, COOKIE, PASSKEY } = process.env
const [{ betterAuth }, { toNodeHandler, fromNodeHeaders }, { admin, twoFactor, genericOAuth }, { getMigrations }] =
  await Promise.all(['', '/node', '/plugins', '/db/migration'].map(part => import(PACKAGE + part)))

const pool = new pg.Pool({ connectionString: DATABASE_URL })
pool.on('error', () => {}) // the database may end before this does
const database = DRIZZLE ? await (await import('./drizzle.mjs')).layOut(pool, PACKAGE) : pool
const print = what => ({ user, url }) => console.log(`${what} ${user.email} ${url}`)

const options = {
  appName: 'Old app',
  baseURL: BASE,
  secret: SECRET,
  database,
  emailAndPassword: { enabled: true },
  emailVerification: { sendVerificationEmail: async mail => print('verify')(mail) },
  user: {
    changeEmail: { enabled: true, updateEmailWithoutVerification: true },
    deleteUser: { enabled: true },
  },
  session: { cookieCache: { enabled: true } }, // a second cookie, with copies of the rows
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [admin(), twoFactor(), ...PASSKEY ? [(await import('@better-auth/passkey')).passkey()] : [],
    ...PROVIDER ? [genericOAuth({ config: [{ providerId: 'corp', clientId: 'old',
    clientSecret: 'provider-secret', discoveryUrl: PROVIDER + '/.well-known/openid-configuration', pkce: true,
    scopes: ['openid', 'email', 'profile'] }] })] : []],
  advanced: { ...PREFIX && { cookiePrefix: PREFIX }, ...COOKIE && { cookies: { session_token: { name: COOKIE } } },
    ...IDS && { database: { generateId: IDS } } },
  databaseHooks: {
    user: {
      create: { before: async user => ({ data: { ...user, role: /^admin/.test(user.email) ? 'admin' : 'user' } }) },
    },
  },
}
if (!DRIZZLE) await (await getMigrations(options)).runMigrations()

const auth = betterAuth(options)
const answer = toNodeHandler(auth)

const login = `<!doctype html><meta charset="utf-8"><title>Old app</title><h1>Old login</h1>
<form><input name="email"><input name="password" type="password">
<label><input name="remember" type="checkbox" checked> Remember me</label><button>Sign in</button></form>
<script>
  document.querySelector('form').onsubmit = async event => {
    event.preventDefault()
    const { email, password, remember } = Object.fromEntries(new FormData(event.target))
    const sent = await fetch('/api/auth/sign-in/email', { method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email, password, rememberMe: Boolean(remember) }) })
    if (sent.ok) location.assign('/dashboard')
  }
</script>`

// link writes an account at a provider as Better Auth itself does.
async function link(req, res) {
  const row = Object.fromEntries(new URL(req.url, BASE).searchParams)
  await (await auth.$context).internalAdapter.linkAccount(row)
  res.end('{}')
}

async function page(req, res) {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  if (!req.url.startsWith('/dashboard')) return res.end(login)
  const there = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
  if (!there) return res.writeHead(302, { Location: '/' }).end()
  res.end(`<!doctype html><meta charset="utf-8"><title>Old app</title><h1>Old dashboard</h1>` +
    `<p>Email: ${there.user.email}</p><form method="post" action="/dashboard"><button>Save</button></form>`)
}

const server = createServer((req, res) => {
  if (req.url === '/favicon.ico') return res.writeHead(204).end()
  if (req.url.startsWith('/api/auth/')) return answer(req, res)
  const act = req.url.startsWith('/link?') ? link : page
  act(req, res).catch(error => { console.log(error); res.writeHead(500).end() })
})
server.listen(+PORT, 'localhost', () => console.log(`Better Auth is up on Node ${process.versions.node}`))
