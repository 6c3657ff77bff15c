-- +goose Up

-- A use that is written down under a lowered idle limit brings the expiry forward, and is told to nobody all the same: whoever
-- lowered the limit has it counted already.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.session_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id AND n.token = o.token AND n.user_id = o.user_id AND n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
