-- +goose Up

-- In which browser somebody signed up a moment ago, before the address is confirmed: there the mailed link confirms it without the
-- password. A browser has one such user at most, the latest.
CREATE TABLE gatepost.signup_browser (
    place      bytea PRIMARY KEY,    -- SHA-256 of the browser's cookie, as in familiar
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL  -- the sweep forgets it then
);
CREATE INDEX signup_browser_user_id ON gatepost.signup_browser (user_id);
CREATE INDEX signup_browser_expires_at ON gatepost.signup_browser (expires_at);
