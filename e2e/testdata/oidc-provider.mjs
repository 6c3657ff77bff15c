// A provider to sign in with: panva's certified oidc-provider, with its own pages for login and consent. It listens on
// any port of 127.0.0.1, which is another site than localhost, and prints its issuer when it is up. GATES holds the
// public URLs of its clients as JSON, by client id; all have the secret "provider-secret".
//
// Anybody signs in with any login and password, and has the address <login>@example.com. It says so in UserInfo only.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const name = 'corp' // of this provider at the gates
const server = createServer()
await new Promise(done => server.listen(0, '127.0.0.1', done))
const issuer = `http://127.0.0.1:${server.address().port}`

const clients = Object.entries(JSON.parse(process.env.GATES)).map(([client_id, gate]) => ({
  client_id, client_secret: 'provider-secret',
  redirect_uris: ['', '/oauth2'].map(old => `${gate}/api/auth${old}/callback/${name}`), // oauth2: Better Auth 1.6
  post_logout_redirect_uris: [`${gate}/login`],
  backchannel_logout_uri: `${gate}/.gatepost/backchannel/${name}`,
  backchannel_logout_session_required: true,
}))

const provider = new Provider(issuer, {
  clients,
  cookies: { keys: ['not a secret'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  pkce: { required: () => true },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({
      sub, email: `${sub}@example.com`, email_verified: true, name: `Zoë of ${sub}`, groups: ['staff', 'nobody'],
    }),
  }),
  // Calls to the gates: the dispatcher of oidc-provider refuses addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
})

// What the tests look for.
for (const event of ['backchannel.success', 'backchannel.error', 'grant.error', 'authorization.error', 'server_error'])
  provider.on(event, (_, ...about) => console.log(event, about.map(a => a?.message ?? a?.clientId ?? a).join(' ')))
provider.use(async (ctx, next) => {
  await next()
  if (ctx.oidc?.route === 'token' && ctx.body?.id_token) {
    const claims = JSON.parse(Buffer.from(ctx.body.id_token.split('.')[1], 'base64url'))
    console.log('the ID token has', Object.keys(claims).sort().join(' '))
  }
  if (ctx.oidc?.route === 'userinfo') console.log('UserInfo has', Object.keys(ctx.body).sort().join(' '))
})

const answer = provider.callback()
server.on('request', (req, res) => req.url === '/favicon.ico' ? res.writeHead(204).end() : answer(req, res))
console.log(`oidc-provider is up at ${issuer} on Node ${process.versions.node}`)
