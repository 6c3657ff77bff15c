// What an unmodified client of Better Auth with its plugin passkeyClient does at the gate whose address is SERVER, as
// the user EMAIL with PASSWORD. What it asks of the browser is a line on standard output, and the browser's answer one
// on standard input: a page of the gate's is open in it. It ends with an error where the gate does something else
// than the plugin expects.
import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { createAuthClient } from 'better-auth/client'
import { twoFactorClient } from 'better-auth/client/plugins'
import { passkeyClient } from '@better-auth/passkey/client'

const server = process.env.SERVER, email = process.env.EMAIL, password = process.env.PASSWORD
const cookies = new Map()

const customFetchImpl = async (url, options = {}) => {
  const headers = new Headers(options.headers)
  if (cookies.size) headers.set('Cookie', [...cookies].map(c => c.join('=')).join('; '))
  if ((options.method ?? 'GET') !== 'GET') headers.set('Origin', server)
  const answer = await fetch(url, { ...options, headers, redirect: 'manual' })
  for (const line of answer.headers.getSetCookie()) {
    const [, key, value] = line.match(/^([^=]+)=([^;]*)/)
    if (value === '' || /Max-Age=0/i.test(line)) cookies.delete(key)
    else cookies.set(key, value)
  }
  return answer
}

// The browser: bytes travel as base64url.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const text = bytes => Buffer.from(bytes).toString('base64url')
const bytes = text => Uint8Array.from(Buffer.from(text, 'base64url')).buffer
const written = value => value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? text(value)
  : Array.isArray(value) ? value.map(written)
  : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, written(v)]))
  : value
const ask = kind => async ({ publicKey }) => {
  console.log(JSON.stringify({ kind, options: written(publicKey) }))
  const key = JSON.parse((await lines.next()).value)
  if (key.error) throw new DOMException(key.message, key.error)
  const { transports, publicKeyAlgorithm, ...parts } = key.response
  const response = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, bytes(value)]))
  return { ...key, rawId: bytes(key.rawId), getClientExtensionResults: () => key.clientExtensionResults,
    response: { ...response, getTransports: () => transports, getPublicKeyAlgorithm: () => publicKeyAlgorithm } }
}
globalThis.window = globalThis
globalThis.PublicKeyCredential = class {}
Object.defineProperty(globalThis, 'navigator', { value: { credentials: { create: ask('create'), get: ask('get') } } })

const client = createAuthClient({
  baseURL: server, fetchOptions: { customFetchImpl }, plugins: [passkeyClient(), twoFactorClient()],
})

const good = async call => {
  const { data, error } = await call
  assert.equal(error, null)
  return data
}

await good(client.signIn.email({ email, password }))
const added = await good(client.passkey.addPasskey({ name: 'Blue key', authenticatorAttachment: 'platform' }))
assert.equal(added.name, 'Blue key')
assert.equal(added.backupCodes.length, 10)
const [key, ...others] = await good(client.passkey.listUserPasskeys())
assert.equal(others.length, 0)
for (const field of ['id', 'name', 'publicKey', 'userId', 'credentialID', 'counter', 'deviceType', 'backedUp',
  'transports', 'createdAt']) assert.ok(field in key, field)
assert.equal(key.id, added.id)
const again = await client.passkey.addPasskey({ name: 'The same' })
assert.equal(again.error.code, 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED')
await good(client.signOut())

const alone = await good(client.signIn.passkey())
assert.equal(alone.user.email, email)
assert.equal((await good(client.getSession())).user.email, email)
await good(client.signOut())

assert.equal((await good(client.signIn.email({ email, password }))).twoFactorRedirect, true)
assert.equal(await good(client.getSession()), null)
assert.equal((await good(client.signIn.passkey())).user.email, email)
const renamed = await good(client.passkey.updatePasskey({ id: key.id, name: 'Green key' }))
assert.equal(renamed.passkey.name, 'Green key')
assert.equal((await client.passkey.deletePasskey({ id: 'nobody' })).error.status, 401)
assert.equal((await good(client.passkey.deletePasskey({ id: key.id }))).status, true)
assert.deepEqual(await good(client.passkey.listUserPasskeys()), [])
await good(client.signOut())

const gone = await client.signIn.passkey()
assert.equal(gone.error.status, 401)
assert.equal(await good(client.getSession()), null)
process.exit(0)
