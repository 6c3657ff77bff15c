-- +goose Up

-- Claimed roles come and go with their row, too.
-- +goose StatementBegin
CREATE FUNCTION gatepost.claims_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(SELECT DISTINCT user_id FROM moved_rows WHERE coalesce(claim_roles, '') <> '' LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The list of what decides about a session (auth/session/deciding.go) has the roles of claims now.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.password_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.user_id IS NOT DISTINCT FROM o.user_id
            AND n.provider_id IS NOT DISTINCT FROM o.provider_id
            AND n.password IS NOT DISTINCT FROM o.password
            AND n.claim_roles IS NOT DISTINCT FROM o.claim_roles
            AND n.claim_roles_until IS NOT DISTINCT FROM o.claim_roles_until
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- What a provider said of a person at their last sign-in there. Roles of claims count beside those of the user.
ALTER TABLE gatepost.account
    ADD COLUMN login             text,        -- how the person is called there, for display
    ADD COLUMN claimed_name      text,
    ADD COLUMN claimed_image     text,
    ADD COLUMN claim_roles       text,        -- comma-separated
    ADD COLUMN claim_roles_until timestamptz; -- null: they count until the next sign-in
