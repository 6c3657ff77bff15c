-- What was exported stands in tables of this session. Here it goes into Better Auth's own, whatever version and adapter
-- has made them: columns in camelCase or snake_case, times with or without a zone, ids of any type, with and without an
-- issuer of accounts. Who is there already is brought up to date.
CREATE TEMP TABLE gatepost_column ON COMMIT DROP AS
    SELECT w.tab, w.field, w.needed, c.attrelid::regclass AS of, quote_ident(c.attname) AS name,
        format_type(c.atttypid, NULL) AS type,
        CASE format_type(c.atttypid, NULL)
            WHEN 'timestamp without time zone' THEN format('(s.%I AT TIME ZONE ''UTC'')', w.field)
            ELSE format('s.%I::text::%s', w.field, format_type(c.atttypid, NULL)) END AS value
    FROM (VALUES ('user', 'id', true), ('user', 'name', true), ('user', 'email', true), ('user', 'emailVerified', true),
        ('user', 'image', false), ('user', 'username', false), ('user', 'displayUsername', false),
         ('user', 'createdAt', false), ('user', 'updatedAt', false),
        ('user', 'role', EXISTS (SELECT FROM gatepost_user WHERE role <> 'user')),
        ('user', 'banned', EXISTS (SELECT FROM gatepost_user WHERE banned)),
        ('user', 'banExpires', EXISTS (SELECT FROM gatepost_user WHERE banned)),
        ('account', 'id', true), ('account', 'accountId', true), ('account', 'providerId', true),
        ('account', 'userId', true), ('account', 'password', true), ('account', 'issuer', false),
        ('account', 'createdAt', false), ('account', 'updatedAt', false), ('session', 'userId', false),
        ('user', 'twoFactorEnabled', EXISTS (SELECT FROM gatepost_factor)),
        ('twoFactor', 'id', EXISTS (SELECT FROM gatepost_factor)),
        ('twoFactor', 'secret', EXISTS (SELECT FROM gatepost_factor)),
        ('twoFactor', 'backupCodes', EXISTS (SELECT FROM gatepost_factor)),
        ('twoFactor', 'userId', EXISTS (SELECT FROM gatepost_factor)),
        ('twoFactor', 'verified', false), ('twoFactor', 'failedVerificationCount', false),
        ('passkey', 'id', false), ('passkey', 'name', false), ('passkey', 'publicKey', false), ('passkey', 'userId', false),
        ('passkey', 'credentialID', false), ('passkey', 'counter', false), ('passkey', 'deviceType', false),
        ('passkey', 'backedUp', false), ('passkey', 'transports', false), ('passkey', 'aaguid', false),
        ('passkey', 'createdAt', false)
        ) AS w (tab, field, needed)
    LEFT JOIN LATERAL (
        SELECT attrelid, attname, atttypid FROM pg_catalog.pg_attribute
        WHERE attrelid = coalesce(to_regclass(quote_ident(w.tab)), to_regclass(quote_ident(w.tab || 's')),
                to_regclass(quote_ident(lower(regexp_replace(w.tab, '([A-Z])', '_\1', 'g')))),
                to_regclass(quote_ident(lower(regexp_replace(w.tab, '([A-Z])', '_\1', 'g')) || 's'))) AND attnum > 0
            AND NOT attisdropped
            AND attname IN (w.field, lower(regexp_replace(w.field, '([A-Z]+)', '_\1', 'g')), lower(w.field))
        ORDER BY attname <> w.field, attname DESC LIMIT 1) c ON true;

DO $gatepost$
DECLARE
    missing text := (SELECT string_agg(format('column "%s" of the table "%s"', field, tab), ', ')
        FROM pg_temp.gatepost_column WHERE needed AND name IS NULL);
    n jsonb := (SELECT jsonb_object_agg(tab || '.' || field, name) FROM pg_temp.gatepost_column);
    people text := (SELECT of FROM pg_temp.gatepost_column WHERE tab = 'user' AND field = 'id');
    accounts text := (SELECT of FROM pg_temp.gatepost_column WHERE tab = 'account' AND field = 'id');
    sessions text := (SELECT of FROM pg_temp.gatepost_column WHERE tab = 'session' AND field = 'userId');
    factors text := (SELECT of FROM pg_temp.gatepost_column WHERE tab = 'twoFactor' AND field = 'id');
    passkeys text := (SELECT of FROM pg_temp.gatepost_column WHERE tab = 'passkey' AND field = 'credentialID');
    of_credential text;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'there is no %', missing USING HINT = 'Bans and roles need the columns of Better Auth''s plugin '
            'admin: without it, export with --no-admin-plugin. Second factors need those of its plugin twoFactor. PGOPTIONS="-c search_path=NAME" names another schema.';
    END IF;
    DELETE FROM pg_temp.gatepost_column WHERE name IS NULL;
    -- ids of accounts: Better Auth's where its database makes them
    UPDATE pg_temp.gatepost_column SET value = 'gen_random_uuid()'
        WHERE tab IN ('account', 'twoFactor', 'passkey') AND field = 'id' AND type = 'uuid';
    DELETE FROM pg_temp.gatepost_column
        WHERE tab IN ('account', 'twoFactor', 'passkey') AND field = 'id' AND type IN ('smallint', 'integer', 'bigint');

    -- Two may have exchanged their addresses.
    EXECUTE format('UPDATE %s u SET %2$s = ''gatepost:'' || s.id FROM pg_temp.gatepost_user s
        WHERE u.%3$s::text = s.id AND u.%2$s <> s.email', people, n->>'user.email', n->>'user.id');
    -- Who has no username here keeps one there.
    EXECUTE (SELECT format('INSERT INTO %s AS u (%s) SELECT %s FROM pg_temp.gatepost_user s ON CONFLICT (%s) DO UPDATE SET %s',
            people, string_agg(name, ', '), string_agg(value, ', '), n->>'user.id',
            string_agg(CASE WHEN field IN ('username', 'displayUsername')
                THEN format('%1$s = coalesce(EXCLUDED.%1$s, u.%1$s)', name) ELSE name || ' = EXCLUDED.' || name END, ', ')
                FILTER (WHERE field NOT IN ('id', 'createdAt')))
        FROM pg_temp.gatepost_column WHERE tab = 'user' AND field <> 'twoFactorEnabled');

    of_credential := format('a.%s::text = s."userId" AND a.%s = ''credential'' AND s."providerId" = ''credential''',
        n->>'account.userId', n->>'account.providerId');
    IF sessions IS NOT NULL THEN -- what a new password or a ban has ended here
        EXECUTE format('DELETE FROM %s x WHERE x.%s::text IN (SELECT id FROM pg_temp.gatepost_user WHERE banned UNION
            SELECT s."userId" FROM pg_temp.gatepost_account s JOIN %s a ON %s
            WHERE a.%s IS DISTINCT FROM s.password)', sessions, n->>'session.userId', accounts, of_credential,
            n->>'account.password');
    END IF;
    EXECUTE format('UPDATE %s a SET %s = s.password FROM pg_temp.gatepost_account s WHERE %s', accounts,
        n->>'account.password', of_credential);
    EXECUTE (SELECT format('INSERT INTO %s (%s) SELECT %s FROM pg_temp.gatepost_account s
            WHERE NOT EXISTS (SELECT FROM %1$s a WHERE %4$s OR a.%5$s::text = s."userId"
                AND a.%6$s = s."accountId" AND regexp_replace(lower(a.%7$s), ''[^a-z0-9]'', '''', ''g'') = s."providerId")',
            accounts, string_agg(name, ', '), string_agg(value, ', '), of_credential, n->>'account.userId',
            n->>'account.accountId', n->>'account.providerId')
        FROM pg_temp.gatepost_column WHERE tab = 'account');

    IF EXISTS (SELECT FROM pg_temp.gatepost_factor) THEN -- nobody's is taken away
        EXECUTE format('UPDATE %s u SET %s = true FROM pg_temp.gatepost_factor s WHERE u.%s::text = s."userId"', people,
            n->>'user.twoFactorEnabled', n->>'user.id');
        EXECUTE (SELECT format('UPDATE %s t SET %s FROM pg_temp.gatepost_factor s WHERE t.%s::text = s."userId"', factors,
                string_agg(name || ' = ' || value, ', '), n->>'twoFactor.userId')
            FROM pg_temp.gatepost_column WHERE tab = 'twoFactor' AND field IN ('secret', 'verified'));
        EXECUTE (SELECT format('INSERT INTO %s (%s) SELECT %s FROM pg_temp.gatepost_factor s
                WHERE NOT EXISTS (SELECT FROM %1$s t WHERE t.%4$s::text = s."userId")', factors, string_agg(name, ', '),
                string_agg(value, ', '), n->>'twoFactor.userId')
            FROM pg_temp.gatepost_column WHERE tab = 'twoFactor');
    END IF;

    IF passkeys IS NOT NULL THEN -- without the plugin passkey there is no table; one that is there stays as it is
        EXECUTE (SELECT format('INSERT INTO %s (%s) SELECT %s FROM pg_temp.gatepost_passkey s
                WHERE NOT EXISTS (SELECT FROM %1$s k WHERE k.%4$s = s."credentialID")', passkeys, string_agg(name, ', '),
                string_agg(value, ', '), n->>'passkey.credentialID')
            FROM pg_temp.gatepost_column WHERE tab = 'passkey');
    END IF;
END
$gatepost$;
