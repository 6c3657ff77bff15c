-- +goose Up

-- What decides about a session is a list in auth/session/deciding.go, of which these functions are made.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.password_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.password IS NOT DISTINCT FROM o.password
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
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
            AND n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at
                AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at
                AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.name IS NOT DISTINCT FROM o.name
            AND n.email IS NOT DISTINCT FROM o.email
            AND n.email_verified IS NOT DISTINCT FROM o.email_verified
            AND n.role IS NOT DISTINCT FROM o.role
            AND n.disabled_at IS NOT DISTINCT FROM o.disabled_at
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
