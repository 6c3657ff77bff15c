// A real Better Auth server on PostgreSQL, to compare the gate with. It listens on any port of localhost, and prints its
// address when it is up. DATABASE_URL is an empty database. Mail goes to /mailbox, in the form of the demo's.
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import pg from 'pg'

const server = createServer()
await new Promise(done => server.listen(0, 'localhost', done))
const baseURL = `http://localhost:${server.address().port}`

const letters = []
const mail = async ({ user, url }) => { letters.unshift(`<article><bdi>${user.email}</bdi> <a href="${url}">link</a></article>`) }

const options = {
  baseURL,
  secret: 'not a secret, but as long as one has to be',
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true, sendResetPassword: mail },
  emailVerification: { sendOnSignUp: true, sendVerificationEmail: mail },
  user: {
    changeEmail: { enabled: true }, deleteUser: { enabled: true },
    additionalFields: { role: { type: 'string', defaultValue: 'user', input: false } }, // the gate always has it
  },
  socialProviders: { github: { clientId: 'id', clientSecret: 'secret' } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
}

const auth = betterAuth(options)
const { runMigrations } = await getMigrations(options)
await runMigrations()
const handle = toNodeHandler(auth)
server.on('request', (request, response) => {
  if (request.url === '/mailbox') {
    response.setHeader('Content-Type', 'text/html')
    response.end(letters.join('\n'))
    return
  }
  handle(request, response)
})
console.log(`better-auth is up at ${baseURL} on ${process.version}`)
