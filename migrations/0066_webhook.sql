-- +goose Up

-- What the app is told by webhooks: who was made, changed or deleted, and whose session ended. Triggers write it, so that
-- SQL by hand counts.

-- A gate with GATEPOST_WEBHOOK_URL renews the row. Without one that is renewed, the triggers write nothing.
CREATE TABLE gatepost.webhook_wanted (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one), -- there is one row at most
    renewed_at timestamptz NOT NULL DEFAULT now()
);

-- The table is a ring: an event takes the next slot, and replaces what stood there, which is the oldest. So it never has
-- more rows than there are slots, and nobody has to count them.
CREATE SEQUENCE gatepost.webhook_slot MAXVALUE 20000 CYCLE;
CREATE TABLE gatepost.webhook_event (
    slot       integer PRIMARY KEY,
    id         text        NOT NULL, -- for receivers, who know by it what comes twice
    type       text        NOT NULL,
    data       jsonb       NOT NULL, -- no hash, token or other secret
    attempts   integer     NOT NULL DEFAULT 0,
    failure    text,                 -- of the last attempt
    lost       bigint      NOT NULL DEFAULT 0, -- events that were replaced here before they were sent
    made_at    timestamptz NOT NULL DEFAULT now(),
    due_at     timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '4 days', -- it is not tried any longer
    done_at    timestamptz           -- null: it waits; with a failure it was given up, else it was sent
);
CREATE INDEX webhook_event_due ON gatepost.webhook_event ((attempts > 0), due_at) WHERE done_at IS NULL;

-- webhook_off says that nothing is to be written: nobody wants it, the transaction has said
-- SET LOCAL gatepost.webhooks = 'off', or it has made as many events as webhook_tell writes.
-- +goose StatementBegin
CREATE FUNCTION gatepost.webhook_off() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN current_setting('gatepost.webhooks', true) = 'off' OR current_setting('gatepost.webhook_told', true) = '1001'
        OR NOT EXISTS (SELECT FROM gatepost.webhook_wanted WHERE renewed_at > now() - interval '7 days');
END $$;
-- +goose StatementEnd

-- webhook_tell writes an event. Of a transaction that makes many, the first thousand are written, and then one that says
-- so: no transaction goes around the ring.
-- +goose StatementBegin
CREATE FUNCTION gatepost.webhook_tell(what text, about jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told text := current_setting('gatepost.webhook_told', true);
    n integer := CASE WHEN told ~ '^[0-9]{1,6}$' THEN told::integer ELSE 0 END;
BEGIN
    IF n > 1000 THEN
        RETURN;
    ELSIF n = 1000 THEN
        what := 'events.skipped';
        about := jsonb_build_object('after', n);
    END IF;
    PERFORM set_config('gatepost.webhook_told', (n + 1)::text, true);
    INSERT INTO gatepost.webhook_event AS e (slot, id, type, data)
        VALUES (nextval('gatepost.webhook_slot'), 'msg_' || replace(gen_random_uuid()::text, '-', ''), what, about)
        ON CONFLICT (slot) DO UPDATE SET id = excluded.id, type = excluded.type, data = excluded.data, attempts = 0,
            failure = NULL, made_at = excluded.made_at, due_at = excluded.due_at, expires_at = excluded.expires_at,
            lost = CASE WHEN e.done_at IS NULL THEN least(greatest(e.lost, 0), 1000000) + 1 ELSE 0 END, done_at = NULL;
END $$;
-- +goose StatementEnd

-- webhook_about is what is told of a user. Texts are cut, as an operator may have written any.
-- +goose StatementBegin
CREATE FUNCTION gatepost.webhook_about(u gatepost."user") RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('id', left(u.id, 255), 'email', left(u.email, 255), 'emailVerified', u.email_verified,
        'name', left(u.name, 255), 'username', left(u.username, 255), 'image', left(u.image, 2048),
        'disabled', u.disabled_at IS NOT NULL,
        'roles', ARRAY(SELECT DISTINCT btrim(r) FROM unnest(string_to_array(left(u.role, 2048), ',')) AS r
            WHERE btrim(r) ~ '^[A-Za-z0-9_.:-]{1,64}$' ORDER BY 1));
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION gatepost.webhook_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was jsonb;
    is_now jsonb;
BEGIN
    IF gatepost.webhook_off() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN
        was := gatepost.webhook_about(OLD);
        is_now := gatepost.webhook_about(NEW);
        IF was <> is_now THEN
            PERFORM gatepost.webhook_tell('user.updated', is_now || jsonb_build_object('changed',
                ARRAY(SELECT key FROM jsonb_each(is_now) WHERE value <> was -> key ORDER BY key)));
        END IF;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN -- who has another id is somebody else to the app
        PERFORM gatepost.webhook_tell('user.deleted', gatepost.webhook_about(OLD));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM gatepost.webhook_tell('user.created', gatepost.webhook_about(NEW));
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION gatepost.webhook_session() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said text := current_setting('gatepost.webhook_reason', true);
    disabled boolean;
BEGIN
    IF gatepost.webhook_off() THEN
        RETURN NULL;
    END IF;
    SELECT disabled_at IS NOT NULL INTO disabled FROM gatepost."user" WHERE id = OLD.user_id;
    PERFORM gatepost.webhook_tell('session.ended', jsonb_build_object('id', left(OLD.id, 255),
        'userId', left(OLD.user_id, 255), 'reason', CASE
            WHEN disabled IS NULL THEN 'user-deleted'
            WHEN OLD.expires_at <= now() THEN 'expired'
            WHEN disabled THEN 'user-disabled'
            ELSE nullif(left(said, 64), '') END));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER webhook_user AFTER INSERT OR DELETE ON gatepost."user"
    FOR EACH ROW EXECUTE FUNCTION gatepost.webhook_user();
