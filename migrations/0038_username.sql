-- +goose Up

-- A username is part of the answer of a look-up, so it is in the list of what decides about a session
-- (auth/session/deciding.go).
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.name IS NOT DISTINCT FROM o.name
            AND n.email IS NOT DISTINCT FROM o.email
            AND n.email_verified IS NOT DISTINCT FROM o.email_verified
            AND n.username IS NOT DISTINCT FROM o.username
            AND n.username_chosen IS NOT DISTINCT FROM o.username_chosen
            AND n.role IS NOT DISTINCT FROM o.role
            AND n.disabled_at IS NOT DISTINCT FROM o.disabled_at
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- A name for apps whose names may not be ids or addresses. username_chosen says that the user has chosen it, and not
-- an operator: who writes a name by hand is one.
ALTER TABLE gatepost."user"
    ADD COLUMN username text COLLATE "C",
    ADD COLUMN username_chosen boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT user_username_form CHECK (username ~ '^[a-z0-9][a-z0-9._-]{0,31}$') NOT VALID;
