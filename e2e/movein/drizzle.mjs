// The tables of Better Auth as its generator writes them for Drizzle on PostgreSQL, with its plugins admin,
// two-factor and passkey: names in snake_case, and times without a zone.
import { drizzle } from 'drizzle-orm/node-postgres'
import { boolean, getTableConfig, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const user = pgTable('user', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  email: text('email').notNull().unique(),
  emailVerified: boolean('email_verified').default(false).notNull(),
  image: text('image'),
  createdAt: timestamp('created_at').defaultNow().notNull(),
  updatedAt: timestamp('updated_at').defaultNow().$onUpdate(() => new Date()).notNull(),
  role: text('role'),
  banned: boolean('banned').default(false),
  banReason: text('ban_reason'),
  banExpires: timestamp('ban_expires'),
  twoFactorEnabled: boolean('two_factor_enabled').default(false),
})

const toUser = () => text('user_id').notNull().references(() => user.id, { onDelete: 'cascade' })

const session = pgTable('session', {
  id: text('id').primaryKey(),
  expiresAt: timestamp('expires_at').notNull(),
  token: text('token').notNull().unique(),
  createdAt: timestamp('created_at').defaultNow().notNull(),
  updatedAt: timestamp('updated_at').$onUpdate(() => new Date()).notNull(),
  ipAddress: text('ip_address'),
  userAgent: text('user_agent'),
  userId: toUser(),
  impersonatedBy: text('impersonated_by'),
})

const account = pgTable('account', {
  id: text('id').primaryKey(),
  accountId: text('account_id').notNull(),
  providerId: text('provider_id').notNull(),
  userId: toUser(),
  accessToken: text('access_token'),
  refreshToken: text('refresh_token'),
  idToken: text('id_token'),
  accessTokenExpiresAt: timestamp('access_token_expires_at'),
  refreshTokenExpiresAt: timestamp('refresh_token_expires_at'),
  scope: text('scope'),
  password: text('password'),
  createdAt: timestamp('created_at').defaultNow().notNull(),
  updatedAt: timestamp('updated_at').$onUpdate(() => new Date()).notNull(),
})

const verification = pgTable('verification', {
  id: text('id').primaryKey(),
  identifier: text('identifier').notNull(),
  value: text('value').notNull(),
  expiresAt: timestamp('expires_at').notNull(),
  createdAt: timestamp('created_at').defaultNow().notNull(),
  updatedAt: timestamp('updated_at').defaultNow().$onUpdate(() => new Date()).notNull(),
})

const twoFactor = pgTable('two_factor', {
  id: text('id').primaryKey(),
  secret: text('secret').notNull(),
  backupCodes: text('backup_codes').notNull(),
  userId: toUser(),
  verified: boolean('verified').default(true),
  failedVerificationCount: integer('failed_verification_count').default(0),
  lockedUntil: timestamp('locked_until'),
})

const passkey = pgTable('passkey', {
  id: text('id').primaryKey(),
  name: text('name'),
  publicKey: text('public_key').notNull(),
  userId: toUser(),
  credentialID: text('credential_id').notNull(),
  counter: integer('counter').notNull(),
  deviceType: text('device_type').notNull(),
  backedUp: boolean('backed_up').notNull(),
  transports: text('transports'),
  createdAt: timestamp('created_at'),
  aaguid: text('aaguid'),
})

const schema = { user, session, account, verification, twoFactor, passkey }

// layOut makes the tables, which an app leaves to drizzle-kit, and returns Better Auth's adapter for them.
export async function layOut(pool, betterAuth) {
  for (const table of Object.values(schema)) await pool.query(create(getTableConfig(table)))
  const { drizzleAdapter } = await import(betterAuth + '/adapters/drizzle')
  return drizzleAdapter(drizzle(pool, { schema }), { provider: 'pg', schema })
}

function create({ name, columns }) {
  const lines = columns.map(column => [`"${column.name}"`, column.getSQLType(), column.primary && 'PRIMARY KEY',
    column.isUnique && 'UNIQUE', column.notNull && 'NOT NULL', column.name === 'user_id' &&
    'REFERENCES "user" ON DELETE CASCADE', byDefault(column)].filter(Boolean).join(' '))
  return `CREATE TABLE IF NOT EXISTS "${name}" (${lines.join(', ')})`
}

function byDefault({ default: value }) {
  if (value === undefined) return ''
  return `DEFAULT ${typeof value === 'object' ? 'now()' : value}`
}
