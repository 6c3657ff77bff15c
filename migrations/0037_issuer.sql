-- +goose Up

-- Claimed roles count for their issuer alone, so it is in the list of what decides about a session
-- (auth/session/deciding.go).
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.password_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id
            AND n.user_id IS NOT DISTINCT FROM o.user_id
            AND n.provider_id IS NOT DISTINCT FROM o.provider_id
            AND n.issuer IS NOT DISTINCT FROM o.issuer
            AND n.password IS NOT DISTINCT FROM o.password
            AND n.claim_roles IS NOT DISTINCT FROM o.claim_roles
            AND n.claim_roles_until IS NOT DISTINCT FROM o.claim_roles_until
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
