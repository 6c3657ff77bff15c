-- +goose Up

-- Whoever disables a user by SQL ends the sign-ins that are half done as well.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.user_disabled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM gatepost.session s USING old_rows o JOIN new_rows n ON n.id = o.id
    WHERE s.user_id = n.id AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    DELETE FROM gatepost.challenge c USING old_rows o JOIN new_rows n ON n.id = o.id
    WHERE c.user_id = n.id AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    RETURN NULL;
END $$;
-- +goose StatementEnd
