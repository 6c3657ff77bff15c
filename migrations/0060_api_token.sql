-- +goose Up

-- Tokens with which programs act for users. What decides about one is a list in auth/session/deciding.go, of which this function is made.
-- +goose StatementBegin
CREATE FUNCTION gatepost.api_token_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.token IS NOT DISTINCT FROM o.token
            AND n.user_id IS NOT DISTINCT FROM o.user_id
            AND n.rules IS NOT DISTINCT FROM o.rules
            AND n.roles IS NOT DISTINCT FROM o.roles
            AND n.level IS NOT DISTINCT FROM o.level
            AND n.expires_at IS NOT DISTINCT FROM o.expires_at
            AND (o.used_at IS NULL OR n.used_at >= o.used_at)
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION gatepost.api_token_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(SELECT DISTINCT user_id FROM gone WHERE expires_at IS NULL OR expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TABLE gatepost.api_token (
    id         text        PRIMARY KEY,            -- that people and apps see
    token      text        NOT NULL UNIQUE,        -- hex SHA-256 of the token
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    name       text        NOT NULL DEFAULT '',
    hint       text        NOT NULL DEFAULT '',    -- how the token begins
    rules      text        NOT NULL DEFAULT '',    -- what it is narrowed to, as in GATEPOST_TOKENS; empty: nothing
    roles      text,                               -- comma-separated; null: all that the user has
    level      integer     NOT NULL DEFAULT 1,     -- 2: made in a session with a fresh second factor
    language   text        NOT NULL DEFAULT '',    -- of the mail about it
    created_by text        NOT NULL DEFAULT '',    -- the operator who made it; empty: the user
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,                        -- null: never
    warned_at  timestamptz,                        -- when the user was told that it ends; null: not yet
    used_at    timestamptz,
    used_from  text        NOT NULL DEFAULT ''     -- the network address of that use
);
CREATE INDEX api_token_user_id ON gatepost.api_token (user_id, created_at);
CREATE INDEX api_token_expires_at ON gatepost.api_token (expires_at);
CREATE TRIGGER api_token_cut AFTER UPDATE ON gatepost.api_token
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.api_token_cut();
CREATE TRIGGER api_token_gone AFTER DELETE ON gatepost.api_token
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION gatepost.api_token_gone();
CREATE TRIGGER api_token_emptied AFTER TRUNCATE ON gatepost.api_token
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_emptied();
