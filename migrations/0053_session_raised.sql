-- +goose Up

-- The list of what decides about a session (auth/session/deciding.go) has what its last token could do, too.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.session_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.token IS NOT DISTINCT FROM o.token
            AND n.user_id IS NOT DISTINCT FROM o.user_id
            AND n.methods IS NOT DISTINCT FROM o.methods
            AND n.proved_at IS NOT DISTINCT FROM o.proved_at
            AND n.second_at IS NOT DISTINCT FROM o.second_at
            AND n.account_id IS NOT DISTINCT FROM o.account_id
            AND n.last_token IS NOT DISTINCT FROM o.last_token
            AND n.last_until IS NOT DISTINCT FROM o.last_until
            AND n.last_methods IS NOT DISTINCT FROM o.last_methods
            AND n.last_proved_at IS NOT DISTINCT FROM o.last_proved_at
            AND n.last_second_at IS NOT DISTINCT FROM o.last_second_at
            AND n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at
                AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at
                AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- When its user proves themselves again, a session gets a new token. The one before, of which this is the hash, goes on
-- until last_until, with what was proved before. Null: there is none.
ALTER TABLE gatepost.session ADD COLUMN last_token text, ADD COLUMN last_until timestamptz,
    ADD COLUMN last_methods text, ADD COLUMN last_proved_at timestamptz, ADD COLUMN last_second_at timestamptz;
