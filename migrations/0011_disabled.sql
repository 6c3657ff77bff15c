-- +goose Up

-- A user who is disabled, or enabled again, has no session from before, whoever wrote the column. The trigger runs with the rights of its
-- owner: a role that may only disable users ends their sessions too. Its statements see what was committed while the update waited for
-- the user's row.
-- +goose StatementBegin
CREATE FUNCTION gatepost.user_disabled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM gatepost.session s USING old_rows o JOIN new_rows n ON n.id = o.id
    WHERE s.user_id = n.id AND (o.disabled_at IS NULL) <> (n.disabled_at IS NULL);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER user_disabled AFTER UPDATE ON gatepost."user"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.user_disabled();
