// The real Auth.js on Express and PostgreSQL. It listens on PORT of localhost and prints it when it is up. Under /auth
// its sessions are in DATABASE_URL, and people come by a link in a mail, which is printed. Under /jwt its sessions are
// encrypted cookies, and who is in the database comes by their address alone; claims of who is called "large…" take
// more than one cookie.
//
// /encode makes such cookies as Auth.js (5) and NextAuth (4) do, of whatever it is told.
import express from 'express'
import pg from 'pg'
import { ExpressAuth } from '@auth/express'
import Credentials from '@auth/express/providers/credentials'
import PostgresAdapter from '@auth/pg-adapter'
import { encode } from '@auth/core/jwt'
import nextAuth from 'next-auth/jwt'

const { DATABASE_URL, PORT, SECRET } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })
pool.on('error', () => {}) // the database may end before this does

// As the documentation of the adapter has them.
await pool.query(`
  CREATE TABLE verification_token (identifier TEXT NOT NULL, expires TIMESTAMPTZ NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (identifier, token));
  CREATE TABLE accounts (id SERIAL, "userId" INTEGER NOT NULL, type VARCHAR(255) NOT NULL,
    provider VARCHAR(255) NOT NULL, "providerAccountId" VARCHAR(255) NOT NULL, refresh_token TEXT, access_token TEXT,
    expires_at BIGINT, id_token TEXT, scope TEXT, session_state TEXT, token_type TEXT, PRIMARY KEY (id));
  CREATE TABLE sessions (id SERIAL, "userId" INTEGER NOT NULL, expires TIMESTAMPTZ NOT NULL,
    "sessionToken" VARCHAR(255) NOT NULL, PRIMARY KEY (id));
  CREATE TABLE users (id SERIAL, name VARCHAR(255), email VARCHAR(255), "emailVerified" TIMESTAMPTZ, image TEXT,
    PRIMARY KEY (id))`)

const common = { secret: SECRET, trustHost: true, logger: { error: error => console.log(error) } }
const byMail = {
  id: 'email', type: 'email', name: 'Email', from: 'app@example.com', maxAge: 3600, options: {},
  sendVerificationRequest: async ({ identifier, url }) => console.log(`enter ${identifier} ${url}`),
}
const byName = Credentials({
  credentials: { email: {} },
  authorize: async ({ email }) => {
    const { rows: [user] } = await pool.query('SELECT id::text, name, email FROM users WHERE email = $1', [email])
    return user ?? null
  },
})

const app = express()
app.use('/auth', ExpressAuth({ ...common, adapter: PostgresAdapter(pool), providers: [byMail] }))
app.use('/jwt', ExpressAuth({
  ...common, adapter: PostgresAdapter(pool), providers: [byName], session: { strategy: 'jwt' },
  callbacks: { jwt: ({ token }) => /^large/.test(token.email) ? { ...token, groups: 'x'.repeat(5 << 10) } : token },
}))
app.post('/encode', express.json(), async (req, res) => {
  const { version, ...how } = req.body
  res.send(await (version === 4 ? nextAuth.encode : encode)(how))
})
app.listen(+PORT, 'localhost', () => console.log(`Auth.js is up on Node ${process.versions.node}`))
