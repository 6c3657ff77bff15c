-- +goose Up

-- The list of what decides about a session (auth/session/deciding.go) has the time of the second factor now.
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
            AND n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at
                AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at
                AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- When a second factor was last proved in a session. Null: none was.
ALTER TABLE gatepost.session ADD COLUMN second_at timestamptz;
