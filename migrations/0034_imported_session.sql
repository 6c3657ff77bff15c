-- +goose Up

-- Whatever makes a copy of one wrong is told, as it is of sessions of the gate.
-- +goose StatementBegin
CREATE FUNCTION gatepost.imported_session_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.token IS NOT DISTINCT FROM o.token
            AND n.source IS NOT DISTINCT FROM o.source
            AND n.user_id IS NOT DISTINCT FROM o.user_id
            AND n.expires_at IS NOT DISTINCT FROM o.expires_at
            AND n.created_at IS NOT DISTINCT FROM o.created_at
            AND n.imported_at IS NOT DISTINCT FROM o.imported_at
            AND n.replaced_at IS NOT DISTINCT FROM o.replaced_at
            AND n.ended_at IS NOT DISTINCT FROM o.ended_at
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- Whoever disables a user by SQL ends the sessions from elsewhere as well.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.user_disabled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM gatepost.session s USING old_rows o JOIN new_rows n ON n.id = o.id
    WHERE s.user_id = n.id AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    DELETE FROM gatepost.challenge c USING old_rows o JOIN new_rows n ON n.id = o.id
    WHERE c.user_id = n.id AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    UPDATE gatepost.imported_session i SET ended_at = now() FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE i.user_id = n.id AND i.ended_at IS NULL AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    UPDATE gatepost.import_record r SET closed_at = now() FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE r.user_id = n.id AND r.closed_at IS NULL AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Sessions that another system made and its cookies carry. They are honoured until the operator's date, by their own expiry or the limits
-- here, and never get longer. A row that has ended stays until its expiry, so that no import brings it back.
CREATE TABLE gatepost.imported_session (
    token       text        PRIMARY KEY,     -- hex SHA-256 of the token in the old cookie
    id          text        NOT NULL UNIQUE, -- the id that people and apps see
    source      text        NOT NULL,
    user_id     text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL,
    ip_address  text,
    user_agent  text,
    created_at  timestamptz NOT NULL,        -- when the user proved who they are, there
    imported_at timestamptz NOT NULL DEFAULT now(),
    replaced_at timestamptz,                 -- the browser has a session of the gate since then
    replaced_by text,                        -- the id of that session
    ended_at    timestamptz                  -- null: it has not
);
CREATE INDEX imported_session_user_id ON gatepost.imported_session (user_id);
CREATE INDEX imported_session_expires_at ON gatepost.imported_session (expires_at);
CREATE TRIGGER imported_session_cut AFTER UPDATE ON gatepost.imported_session
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.imported_session_cut();
CREATE TRIGGER imported_session_gone AFTER DELETE ON gatepost.imported_session
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_gone();
CREATE TRIGGER imported_session_emptied AFTER TRUNCATE ON gatepost.imported_session
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_emptied();
