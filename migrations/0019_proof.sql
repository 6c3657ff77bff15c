-- +goose Up

-- How the user of a session was proved to be the user, and when. Null: a gate from before made the session, with a password or a
-- mailed link, when it was created.
ALTER TABLE gatepost.session
    ADD COLUMN methods   text,        -- comma-separated: pwd, link
    ADD COLUMN proved_at timestamptz;
