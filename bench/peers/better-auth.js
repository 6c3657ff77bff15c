// An app that is a server of Node. CHECK says what it does before it answers: none; session: it asks Better Auth
// for the session, which looks into PostgreSQL; cache: the same, with the cookie cache of Better Auth. It listens
// on any port of loopback, and prints its address when it is up.
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import pg from 'pg'

const check = process.env.CHECK
const body = 'What the app has to say. '.repeat(40)
const answer = response => {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length })
  response.end(body)
}

const server = createServer({ keepAliveTimeout: 120_000 })
await new Promise(done => server.listen(0, '127.0.0.1', done))
const address = `127.0.0.1:${server.address().port}`

if (check === 'none') {
  server.on('request', (_, response) => answer(response))
} else {
  const options = {
    baseURL: `http://${address}`,
    secret: process.env.SECRET,
    // PGHOST and its like lead there. Connections stay open while other peers have their turns.
    database: new pg.Pool({ idleTimeoutMillis: 0 }),
    emailAndPassword: { enabled: true },
    // A browser gets a new cookie every five minutes. The load generator sends the same one for longer than that.
    session: { cookieCache: { enabled: check === 'cache', maxAge: 24 * 60 * 60 } },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    telemetry: { enabled: false },
  }
  const auth = betterAuth(options)
  const { runMigrations } = await getMigrations(options)
  await runMigrations()
  const handle = toNodeHandler(auth)
  server.on('request', async (request, response) => {
    if (request.url.startsWith('/api/auth/')) return handle(request, response)
    try {
      const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
      if (session?.user.email === 'bench@example.com') return answer(response)
      response.writeHead(401).end()
    } catch (error) {
      console.error(error)
      response.writeHead(500).end()
    }
  })
}
console.log(address)
