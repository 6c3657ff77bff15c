// What an unmodified client of Better Auth does, at the server whose address is SERVER: every method of the core, right
// and wrong. It prints one line of JSON for each step, with the status, the code and the shape of the answer: its keys
// and the types of their values. PROVIDER is a provider to sign in with.
import { request } from 'node:http'
import { createAuthClient } from 'better-auth/client'

const server = process.env.SERVER
const name = Math.random().toString(36).slice(2)
const address = who => `${name}-${who}@example.com`
const password = 'correct horse battery', another = 'another horse battery', third = 'a third horse battery'

// What a browser adds to the client: cookies, and where a request comes from.
class Browser {
  cookies = new Map()
  last = null

  constructor() {
    this.client = createAuthClient({ baseURL: server, fetchOptions: { customFetchImpl: (u, o) => this.fetch(u, o) } })
  }

  async fetch(url, options = {}) {
    const headers = new Headers(options.headers)
    if (this.cookies.size) headers.set('Cookie', [...this.cookies].map(c => c.join('=')).join('; '))
    if ((options.method ?? 'GET') !== 'GET' && !headers.has('Origin')) headers.set('Origin', server)
    if (headers.get('Origin') === 'none') headers.delete('Origin')
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, key, value] = line.match(/^([^=]+)=([^;]*)/)
      if (value === '' || /Max-Age=0/i.test(line)) this.cookies.delete(key)
      else this.cookies.set(key, value)
    }
    this.last = answer.clone()
    return answer
  }

  async raw(path, method = 'GET', body, headers = {}) {
    const typed = body === undefined ? {} : { 'Content-Type': 'application/json' }
    return this.fetch(server + '/api/auth' + path, { method, body, headers: { ...typed, ...headers } })
  }
}

function shape(v) {
  if (v === null) return 'null'
  if (Array.isArray(v)) return v.length ? [shape(v[0])] : []
  if (v instanceof Date || typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(v)) return 'date'
  if (typeof v !== 'object') return typeof v
  return Object.fromEntries(Object.keys(v).sort().map(k => [k, shape(v[k])]))
}

// step prints what came of a call. The answer on the wire counts, and what the client made of it has to agree.
async function step(what, browser, call) {
  browser.last = null
  const result = await call(browser.client)
  const answer = browser.last
  const text = await answer.text()
  const json = text !== '' && /^application\/json/.test(answer.headers.get('Content-Type') ?? '')
  const body = json ? JSON.parse(text) : text
  const line = { step: what, status: answer.status, shape: json ? shape(body) : text ? 'text' : 'empty' }
  if (json && body?.code) line.code = body.code
  if (json && answer.status >= 400) line.message = body?.message
  const to = answer.headers.get('Location')?.replace(server, '').replace(/\?token=.*/, '?token=…')
  if (to) line.location = to.startsWith('/') ? to : 'the provider'
  if (result && 'error' in result && !!result.error !== answer.status >= 400) line.client = 'disagrees'
  console.log(JSON.stringify(line))
  return result?.data
}

// program is a request of no browser: without cookies, an origin or anything that fetch adds.
async function program(body) {
  const [status, type, text] = await new Promise((done, failed) => {
    const sent = request(server + '/api/auth/sign-in/email', { method: 'POST', headers: { 'Content-Type': 'application/json' } }, answer => {
      let text = ''
      answer.on('data', part => { text += part })
      answer.on('end', () => done([answer.statusCode, answer.headers['content-type'], text]))
    })
    sent.on('error', failed)
    sent.end(body)
  })
  nobody.last = new Response(text, { status, headers: { 'Content-Type': type } })
}

const pause = () => new Promise(done => setTimeout(done, 20))

// mailed waits for a link to an address, and returns it.
async function mailed(who, part) {
  for (;;) {
    const page = await (await fetch(server + '/mailbox')).text()
    for (const [article] of page.matchAll(/<article.*?<\/article>/gs)) {
      if (!article.includes(`<bdi>${address(who)}</bdi>`)) continue
      const own = article.match(/href="(\/mailbox\/[^"]+)"/) // the demo shows a mail on a page of its own
      const mail = own ? await (await fetch(`${server}${own[1]}/html`)).text() : article
      const link = [...mail.matchAll(/href="([^"]+)"/g)].map(m => m[1].replaceAll('&amp;', '&')).find(l => l.includes(part))
      if (link) return new URL(link, server)
    }
    await pause()
  }
}

const a = new Browser(), b = new Browser(), nobody = new Browser()
const ada = { name: 'Ada', email: address('ada'), password }
const post = body => ({ method: 'POST', body })

// Signing up, in and out.
await step('session of nobody', a, c => c.getSession())
await step('ok', a, c => c.$fetch('/ok'))
await step('sign up', a, c => c.signUp.email({ ...ada, callbackURL: '/welcome' }))
await step('session', a, c => c.getSession())
await step('sign up, taken', nobody, c => c.signUp.email(ada))
await step('sign up, short password', nobody, c => c.signUp.email({ ...ada, email: address('x'), password: 'short' }))
await step('sign up, no address', nobody, c => c.signUp.email({ ...ada, email: 'x' }))
await step('sign up, no name', nobody, c => c.signUp.email({ ...ada, name: undefined, email: address('x') }))
await step('sign up, nothing', nobody, c => c.$fetch('/sign-up/email', post({})))
await step('sign up, empty name and a picture', b,
  c => c.signUp.email({ ...ada, name: '', email: address('bob'), image: 'https://cdn.example.com/b.png' }))
await step('sign out', a, c => c.signOut())
await step('sign out, nobody', nobody, c => c.signOut())
await step('session after it', a, c => c.getSession())
await step('sign in, wrong', nobody, c => c.signIn.email({ ...ada, password: 'wrong horse battery' }))
await step('sign in, unknown', nobody, c => c.signIn.email({ ...ada, email: address('nobody') }))
await step('sign in, no address', nobody, c => c.signIn.email({ ...ada, email: 'nonsense' }))
await step('sign in, a number', nobody, c => c.signIn.email({ ...ada, email: 5 }))
await step('sign in, foreign page', nobody, c => c.signIn.email({ ...ada, callbackURL: 'https://evil.example/' }))
await step('sign in, //', nobody, c => c.signIn.email({ ...ada, callbackURL: '//evil.example/' }))
await step('sign in', a, c => c.signIn.email({ email: ada.email, password }))
await step('sign in, with a page', a, c => c.signIn.email({ email: ada.email.toUpperCase(), password, callbackURL: '/dashboard' }))
await step('sign in, not remembered', a, c => c.signIn.email({ email: ada.email, password, rememberMe: false }))

// What a front end shows.
await new Promise((done, failed) => a.client.useSession.subscribe(s => {
  if (s.error) failed(s.error)
  if (s.data?.user.name === 'Ada' && s.data.session.expiresAt instanceof Date) done()
}))

// The profile.
await step('update, name', a, c => c.updateUser({ name: 'Ada Lovelace' }))
await step('update, picture', a, c => c.updateUser({ image: 'https://cdn.example.com/a.png' }))
await step('session with a picture', a, c => c.getSession())
await step('update, no picture', a, c => c.updateUser({ image: null }))
await step('update, nothing', a, c => c.$fetch('/update-user', post({})))
await step('update, an unknown field', a, c => c.$fetch('/update-user', post({ unknown: 1 })))
await step('update, address', a, c => c.updateUser({ email: address('x') }))
await step('update, nobody', nobody, c => c.updateUser({ name: 'Eve' }))

// Addresses. A new password voids the links that were mailed before.
await step('confirm, another address', a, c => c.sendVerificationEmail({ email: address('bob') }))
await step('ask to confirm, nobody', nobody, c => c.sendVerificationEmail({ email: address('nobody') }))
await step('ask to confirm', a, c => c.sendVerificationEmail({ email: ada.email, callbackURL: '/welcome' }))
await step('confirm, bad token', a, c => c.verifyEmail({ query: { token: 'nonsense' } }))
await step('confirm, bad token and a page', a, c => c.verifyEmail({ query: { token: 'nonsense', callbackURL: '/v' } }))
const verify = (await mailed('ada', 'verify')).searchParams.get('token')
await step('confirm', a, c => c.verifyEmail({ query: { token: verify } }))
await step('ask to confirm, confirmed', a, c => c.sendVerificationEmail({ email: ada.email }))
await step('session, confirmed', a, c => c.getSession())

// Passwords.
await step('verify password', a, c => c.$fetch('/verify-password', post({ password })))
await step('verify password, wrong', a, c => c.$fetch('/verify-password', post({ password: 'wrong horse battery' })))
await step('change password, wrong', a, c => c.changePassword({ currentPassword: 'wrong horse battery', newPassword: another }))
await step('change password, short', a, c => c.changePassword({ currentPassword: password, newPassword: 'short' }))
await step('change password, nobody', nobody, c => c.changePassword({ currentPassword: password, newPassword: another }))
await step('change password', a, c => c.changePassword({ currentPassword: password, newPassword: another, revokeOtherSessions: true }))
await step('session after it', a, c => c.getSession())
await step('change password, keeping sessions', a, c => c.changePassword({ currentPassword: another, newPassword: password }))

// Sessions.
const other = new Browser(), one = new Browser()
await step('sign in elsewhere', other, c => c.signIn.email({ email: ada.email, password }))
const list = await step('sessions', a, c => c.listSessions())
const own = (await a.client.getSession()).data.session.token
const theirs = (await other.client.getSession()).data.session.token
if (!list.some(s => s.token === own) || !list.some(s => s.token === theirs)) throw new Error('not all sessions are listed')
await step('revoke', a, c => c.revokeSession({ token: theirs }))
await step('session that was revoked', other, c => c.getSession())
await step('revoke, unknown', a, c => c.revokeSession({ token: 'unknown' }))
await step('revoke, no token', a, c => c.$fetch('/revoke-session', post({})))
await step('revoke, nobody', nobody, c => c.revokeSession({ token: own }))
await one.client.signIn.email({ email: ada.email, password })
await step('revoke others', a, c => c.revokeOtherSessions())
await step('session of another', one, c => c.getSession())
await step('sessions of nobody', nobody, c => c.listSessions())
await step('revoke all', a, c => c.revokeSessions())
await step('session after all', a, c => c.getSession())
await step('sign in again', a, c => c.signIn.email({ email: ada.email, password }))

// Another address.
await step('change address', a, c => c.$fetch('/change-email', post({ newEmail: address('new'), password })))
await step('change address, in use', a, c => c.$fetch('/change-email', post({ newEmail: address('bob'), password })))
await step('change address, the same', a, c => c.$fetch('/change-email', post({ newEmail: ada.email, password })))
await step('change address, none', a, c => c.changeEmail({ newEmail: 'nonsense' }))
await step('change address, nobody', nobody, c => c.changeEmail({ newEmail: address('new') }))
await step('change address, no password', a, c => c.changeEmail({ newEmail: address('newer') }))

// A forgotten password.
await step('forgot', nobody, c => c.requestPasswordReset({ email: ada.email, redirectTo: '/reset' }))
await step('forgot, unknown', nobody, c => c.requestPasswordReset({ email: address('nobody'), redirectTo: '/reset' }))
await step('forgot, foreign page', nobody, c => c.requestPasswordReset({ email: ada.email, redirectTo: 'https://evil.example' }))
const reset = await mailed('ada', '/api/auth/reset-password/')
await step('open the link', nobody, () => nobody.fetch(reset))
const token = new URL(nobody.last.headers.get('Location'), server).searchParams.get('token')
await step('open a bad link', nobody, () => nobody.raw('/reset-password/nonsense?callbackURL=/reset'))
await step('open a link for a foreign page', nobody, () => nobody.raw(`/reset-password/${token}?callbackURL=//evil.example`))
await step('open a link for no page', nobody, () => nobody.raw(`/reset-password/${token}`))
await step('reset, short', nobody, c => c.resetPassword({ newPassword: 'short', token }))
await step('reset', nobody, c => c.resetPassword({ newPassword: third, token }))
await step('reset, again', nobody, c => c.resetPassword({ newPassword: password, token }))
await step('reset, no token', nobody, c => c.$fetch('/reset-password', post({ newPassword: password })))
await step('session after the reset', a, c => c.getSession())
await step('sign in with it', a, c => c.signIn.email({ email: ada.email, password: third }))

// Providers.
const provider = process.env.PROVIDER
await step('sign in at a provider', nobody, c => c.signIn.social({ provider, callbackURL: '/dashboard', disableRedirect: true }))
await step('sign in at a provider, going on', nobody, c => c.signIn.social({ provider }))
await step('sign in at no provider', nobody, c => c.$fetch('/sign-in/social', post({ provider: 'nobody' })))
await step('sign in at a provider, foreign page', nobody, c => c.signIn.social({ provider, callbackURL: 'https://evil.example/' }))
await step('sign in at a provider, foreign error page', nobody, c => c.signIn.social({ provider, errorCallbackURL: 'https://evil.example/' }))
await step('link a provider', a, c => c.linkSocial({ provider, callbackURL: '/settings', disableRedirect: true }))
await step('link a provider, nobody', nobody, c => c.linkSocial({ provider }))
await step('accounts', a, c => c.listAccounts())
await step('accounts of nobody', nobody, c => c.listAccounts())
const [account] = (await a.client.listAccounts()).data
await step('unlink the last', a, c => c.unlinkAccount({ accountId: account.id }))
await step('unlink, nobody', nobody, c => c.unlinkAccount({ accountId: account.id }))

// The wire.
const good = JSON.stringify({ email: ada.email, password: third })
await step('foreign origin with a cookie', a, () => a.raw('/sign-out', 'POST', '{}', { Origin: 'https://evil.example' }))
await step('no origin with a cookie', a, () => a.raw('/sign-out', 'POST', '{}', { Origin: 'none' }))
await step('null origin with a cookie', a, () => a.raw('/sign-out', 'POST', '{}', { Origin: 'null' }))
await step('no browser', nobody, () => program(good))
await step('a read from elsewhere', a, () => a.raw('/get-session', 'GET', undefined, { Origin: 'https://evil.example' }))
await step('plain text', nobody, () => nobody.raw('/sign-in/email', 'POST', good, { 'Content-Type': 'text/plain' }))
await step('a form', other, () => other.raw('/sign-in/email', 'POST',
  new URLSearchParams({ email: ada.email, password: third }).toString(), { 'Content-Type': 'application/x-www-form-urlencoded' }))
await step('broken JSON', nobody, () => nobody.raw('/sign-in/email', 'POST', '{"email":'))
await step('a list', nobody, () => nobody.raw('/sign-in/email', 'POST', '[]'))
await step('unknown path', nobody, () => nobody.raw('/nothing'))
await step('wrong method', nobody, () => nobody.raw('/sign-in/email'))
await step('another wrong method', nobody, () => nobody.raw('/ok', 'DELETE'))
await step('OPTIONS', nobody, () => nobody.raw('/sign-in/email', 'OPTIONS'))
await step('a slash at the end', nobody, () => nobody.raw('/get-session/'))
await step('POST get-session', a, () => a.raw('/get-session', 'POST', '{}'))
await step('the error page', nobody, () => nobody.raw('/error?error=x', 'GET', undefined, { Accept: 'text/html' }))

// The end.
await step('delete, wrong', a, c => c.deleteUser({ password: 'wrong horse battery' }))
await step('delete, nobody', nobody, c => c.deleteUser({ password: third }))
await step('delete, no password', b, c => c.deleteUser())
await step('delete', a, c => c.deleteUser({ password: third }))
await step('session of the deleted', a, c => c.getSession())
await step('sign in as the deleted', a, c => c.signIn.email({ email: ada.email, password: third }))

process.exit(0)
