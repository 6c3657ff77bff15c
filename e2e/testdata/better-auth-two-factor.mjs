// What an unmodified client of Better Auth with its plugin twoFactorClient does at the gate whose address is SERVER, as
// the user EMAIL with PASSWORD. It ends with an error where the gate does something else than the plugin expects.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createAuthClient } from 'better-auth/client'
import { twoFactorClient } from 'better-auth/client/plugins'

const server = process.env.SERVER, email = process.env.EMAIL, password = process.env.PASSWORD
const cookies = new Map()
let redirected = null

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

const client = createAuthClient({
  baseURL: server, fetchOptions: { customFetchImpl },
  plugins: [twoFactorClient({ onTwoFactorRedirect: ({ twoFactorMethods }) => { redirected = twoFactorMethods } })],
})

// code is what an app shows for the key of a URI, some periods later.
const code = (uri, later) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...new URL(uri).searchParams.get('secret')].map(c => alphabet.indexOf(c).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map(b => parseInt(b, 2)))
  const step = Buffer.alloc(8)
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30000) + later))
  const sum = createHmac('sha1', key).update(step).digest()
  return String((sum.readUInt32BE(sum.at(-1) & 15) & 0x7fffffff) % 1e6).padStart(6, '0')
}

const good = async call => {
  const { data, error } = await call
  assert.equal(error, null)
  return data
}

await good(client.signIn.email({ email, password }))
const { totpURI } = await good(client.twoFactor.enable({ password }))
assert.equal((await good(client.twoFactor.getTotpUri({ password }))).totpURI, totpURI)
const { backupCodes } = await good(client.twoFactor.verifyTotp({ code: code(totpURI, 0) }))
assert.equal(backupCodes.length, 10)
assert.equal((await good(client.getSession())).user.twoFactorEnabled, true)
await good(client.signOut())

const half = await good(client.signIn.email({ email, password }))
assert.deepEqual(half, { twoFactorRedirect: true, twoFactorMethods: ['totp'] })
assert.deepEqual(redirected, ['totp'])
assert.equal(await good(client.getSession()), null)
assert.equal((await client.twoFactor.verifyTotp({ code: '000000' })).error.code, 'INVALID_CODE')
assert.equal((await good(client.twoFactor.verifyTotp({ code: code(totpURI, 1) }))).user.email, email)
const renewed = await good(client.twoFactor.generateBackupCodes({ password }))
await good(client.signOut())

await good(client.signIn.email({ email, password }))
assert.equal((await client.twoFactor.verifyBackupCode({ code: backupCodes[0] })).error.code, 'INVALID_BACKUP_CODE')
assert.equal((await good(client.twoFactor.verifyBackupCode({ code: renewed.backupCodes[0] }))).user.email, email)
assert.equal((await good(client.twoFactor.disable({ password }))).status, true)
assert.equal((await good(client.getSession())).user.twoFactorEnabled, undefined)
